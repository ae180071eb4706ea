/** Assembles the package that npm gets, in a folder that is emptied first: `node dist/packaging/main.js [FOLDER]`. */
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeDeclarations } from './declarations.ts'
import { entriesOf, readManifest } from './entries.ts'
import { originOf, packedManifest, withAbsoluteLinks } from './manifest.ts'
import { writeModules, writeScript } from './modules.ts'

// Relative to packages/client/dist/packaging.
const root = fileURLToPath(new URL('../../', import.meta.url))
const repository = join(root, '../../')
const target = resolve(process.argv[2] ?? join(root, 'dist/package'))

const manifest = readManifest(root)
const entries = entriesOf(root, manifest)
const origin = originOf(manifest, process.env)

rmSync(target, { recursive: true, force: true })
mkdirSync(join(target, 'dist'), { recursive: true })
await writeModules(root, entries, join(target, 'dist'))
await writeScript(root, entries, join(target, 'dist/rabble.min.js'))
await writeDeclarations(entries, join(target, 'dist'))
writeFileSync(
  join(target, 'package.json'),
  `${JSON.stringify(packedManifest(manifest, entries, origin), null, 2)}\n`,
)
for (const [path, folder] of [
  [join(root, 'README.md'), 'packages/client/'],
  [join(repository, 'CHANGELOG.md'), ''],
] as const) {
  const page = withAbsoluteLinks(readFileSync(path, 'utf8'), folder, origin)
  writeFileSync(join(target, path.endsWith('README.md') ? 'README.md' : 'CHANGELOG.md'), page)
}
copyFileSync(join(repository, 'LICENSE'), join(target, 'LICENSE'))
