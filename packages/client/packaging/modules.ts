import { type InputOptions, rolldown } from 'rolldown'
import type { Entry } from './entries.ts'

/** Entries that no page can use: they are not in the script. */
const forServersOnly = new Set(['./server'])

/** Options of all forms. The package has no dependencies: an import that can't be bundled is an error. */
const options = {
  platform: 'neutral',
  external: /^node:/,
  onLog(_, { message }) {
    throw new Error(message)
  },
} satisfies InputOptions

/** Writes the entries and the parts that they share as modules: `index.js` for `import`, `index.cjs` for `require`. */
export async function writeModules(root: string, entries: readonly Entry[], folder: string): Promise<void> {
  const input = Object.fromEntries(entries.map(({ name, module }) => [name, module]))
  const bundle = await rolldown({ ...options, cwd: root, input })
  for (const [format, end] of [['esm', 'js'] as const, ['cjs', 'cjs'] as const]) {
    await bundle.write({
      dir: folder,
      format,
      exports: 'named',
      entryFileNames: `[name].${end}`,
      chunkFileNames: `[name].${end}`,
    })
  }
  await bundle.close()
}

/**
 * Writes one minified file for a `<script>`, which sets the global `Rabble`. It has the exports of all entries for pages, and all
 * transports.
 * @throws Error if two entries export different things by the same name
 */
export async function writeScript(root: string, entries: readonly Entry[], file: string): Promise<void> {
  const modules = entries.filter(({ key }) => !forServersOnly.has(key)).map(({ module }) => module)
  await checkNames(modules)
  const bundle = await rolldown({
    ...options,
    cwd: root,
    input: 'script',
    plugins: [
      {
        name: 'script',
        resolveId: (id) => (id === 'script' ? id : null),
        load: (id) =>
          id === 'script' ? modules.map((path) => `export * from ${JSON.stringify(path)}`).join('\n') : null,
      },
    ],
  })
  await bundle.write({
    file,
    format: 'iife',
    name: 'Rabble',
    codeSplitting: false,
    minify: true,
    sourcemap: true,
  })
  await bundle.close()
}

/** ECMAScript leaves out a name that comes from two modules, without an error. */
async function checkNames(modules: readonly string[]): Promise<void> {
  const found = new Map<string, unknown>()
  for (const path of modules) {
    for (const [name, value] of Object.entries((await import(path)) as Record<string, unknown>)) {
      if (found.has(name) && found.get(name) !== value) {
        throw new Error(`${name} of ${path} is something else in another entry`)
      }
      found.set(name, value)
    }
  }
}
