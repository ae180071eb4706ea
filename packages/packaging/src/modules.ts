import { type InputOptions, rolldown } from 'rolldown'
import { isPeer, type OwnPackage } from './entries.ts'

/** Entries that no page can use: they are not in the script. */
const forServersOnly = new Set(['./server'])

/** Options of all forms. The package has no dependencies: an import that can't be bundled is an error, but for peer dependencies. */
const optionsOf = (own: OwnPackage) =>
  ({
    platform: 'neutral',
    external: (name) => name.startsWith('node:') || isPeer(own, name),
    onLog(_, { code, message }) {
      // An entry keeps the `'use client'` that its module begins with.
      if (code !== 'MODULE_LEVEL_DIRECTIVE') throw new Error(message)
    },
  }) satisfies InputOptions

/** Writes the entries and the parts that they share as modules: `index.js` for `import`, `index.cjs` for `require`. */
export async function writeModules(own: OwnPackage, folder: string): Promise<void> {
  const input = Object.fromEntries(own.entries.map(({ name, module }) => [name, module]))
  const bundle = await rolldown({ ...optionsOf(own), input })
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
export async function writeScript(own: OwnPackage, file: string): Promise<void> {
  const modules = own.entries.filter(({ key }) => !forServersOnly.has(key)).map(({ module }) => module)
  await checkNames(modules)
  const bundle = await rolldown({
    ...optionsOf(own),
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
