import { defineConfig } from 'vite'

/** The page as browsers get it, in dist/site. `tsc` has checked the types before, and compiled what it imports. */
export default defineConfig({
  root: import.meta.dirname,
  // The page also works below a path.
  base: './',
  build: {
    outDir: 'dist/site',
    emptyOutDir: true,
    target: ['chrome111', 'firefox114', 'safari16.4'],
    // A policy against inline code would refuse it.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    sourcemap: true,
  },
  // As in tsconfig.json.
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
})
