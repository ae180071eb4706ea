import { defineConfig } from 'vite'

export default defineConfig({
  // This app and @rabble/react must use the same copy of React.
  resolve: { dedupe: ['react', 'react-dom'] },
})
