/** Assembles the package that npm gets, in an empty folder or in its dist/package: `node dist/src/main.js client|react [FOLDER]`. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeDeclarations } from './declarations.ts'
import { readOwn } from './entries.ts'
import { originOf, packedManifest, withAbsoluteLinks } from './manifest.ts'
import { writeModules, writeScript } from './modules.ts'

// Relative to packages/packaging/dist/src.
const repository = fileURLToPath(new URL('../../../../', import.meta.url))
const [name = '', folder] = process.argv.slice(2)
if (!existsSync(join(repository, 'packages', name, 'package.json')) || name === '') {
  process.stderr.write('which package? A folder of packages, such as client\n')
  process.exit(2)
}

const own = readOwn(repository, `packages/${name}`)
const usual = join(repository, own.directory, 'dist/package')
const target = resolve(folder ?? usual)
const origin = originOf(own.manifest, process.env)

if (target === usual) rmSync(usual, { recursive: true, force: true })
mkdirSync(join(target, 'dist'), { recursive: true })
await writeModules(own, join(target, 'dist'))
if (own.manifest.unpkg !== undefined) await writeScript(own, join(target, own.manifest.unpkg))
await writeDeclarations(own, join(target, 'dist'))
writeFileSync(join(target, 'package.json'), `${JSON.stringify(packedManifest(own, origin), null, 2)}\n`)
for (const [folder, page] of [
  [`${own.directory}/`, 'README.md'],
  ['', 'CHANGELOG.md'],
] as const) {
  const text = readFileSync(join(repository, folder, page), 'utf8')
  writeFileSync(join(target, page), withAbsoluteLinks(text, folder, origin))
}
copyFileSync(join(repository, 'LICENSE'), join(target, 'LICENSE'))
