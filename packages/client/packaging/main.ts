/** Assembles the package that npm gets, in an empty folder or in dist/package: `node dist/packaging/main.js [FOLDER]`. */
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
const usual = join(root, 'dist/package')
const target = resolve(process.argv[2] ?? usual)

const manifest = readManifest(root)
const entries = entriesOf(root, manifest)
const origin = originOf(manifest, process.env)

if (target === usual) rmSync(usual, { recursive: true, force: true })
mkdirSync(join(target, 'dist'), { recursive: true })
await writeModules(root, entries, join(target, 'dist'))
await writeScript(root, entries, join(target, 'dist/rabble.min.js'))
await writeDeclarations(entries, join(target, 'dist'))
writeFileSync(
  join(target, 'package.json'),
  `${JSON.stringify(packedManifest(manifest, entries, origin), null, 2)}\n`,
)
for (const [folder, name] of [
  ['packages/client/', 'README.md'],
  ['', 'CHANGELOG.md'],
] as const) {
  const page = readFileSync(join(repository, folder, name), 'utf8')
  writeFileSync(join(target, name), withAbsoluteLinks(page, folder, origin))
}
copyFileSync(join(repository, 'LICENSE'), join(target, 'LICENSE'))
