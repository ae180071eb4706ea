import { defineConfig } from 'vite'

/** Builds the page for browsers, in dist/site. `tsc` has checked the types and compiled the imported packages before. */
export default defineConfig({
  root: import.meta.dirname,
  // Relative, so that the page also works below a path.
  base: './',
  build: {
    outDir: 'dist/site',
    emptyOutDir: true,
    target: ['chrome111', 'firefox114', 'safari16.4'],
    // The content security policy refuses inline assets.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    sourcemap: true,
    // What the page loads first is one script: many small ones compress worse. The rest is loaded on demand.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'page', tags: ['$initial'] }] } } },
  },
  // As in tsconfig.json.
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
})
