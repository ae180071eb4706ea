import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rollup } from 'rollup'
import { dts } from 'rollup-plugin-dts'
import ts from 'typescript'
import { isPeer, type OwnPackage } from './entries.ts'
import { plainTypes } from './plain-types.ts'

const options: ts.CompilerOptions = {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  strict: true,
}

/**
 * Writes the declarations of the entries: `index.d.ts` for `import`, `index.d.cts` for `require`. They have all that they need of
 * other packages of the repository in them, but for peer dependencies.
 */
export async function writeDeclarations(own: OwnPackage, folder: string): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'rabble-declarations-'))
  try {
    const plain = join(scratch, 'contract.d.ts')
    let isWritten = false
    const writePlain = (contract: string) => {
      if (!isWritten) writeFileSync(plain, plainTypes(contract))
      isWritten = true
      return plain
    }
    const bundle = await rollup({
      input: Object.fromEntries(own.entries.map(({ name, types }) => [name, types])),
      external: (name) => isPeer(own, name),
      plugins: [
        {
          name: 'workspace',
          resolveId(source, importer) {
            if (importer === undefined || !source.startsWith('@rabble/')) return null
            const path = resolve(source, importer)
            return source === '@rabble/contract' ? writePlain(path) : path
          },
        },
        dts(),
      ],
      onLog(level, log) {
        // A warning is as bad: a type that entries share but none exports breaks programs whose own declarations infer it.
        throw new Error(`${level}: ${log.message}`)
      },
    })
    for (const end of ['d.ts', 'd.cts']) {
      await bundle.write({
        dir: folder,
        format: 'es',
        entryFileNames: `[name].${end}`,
        // The name of a chunk ends in `.d`, which the compiler would take for an ending.
        chunkFileNames: ({ name }) => `${name.replace(/\.d$/, '')}-shared.${end}`,
      })
    }
    await bundle.close()
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

/** Returns the path of the declarations of a module. */
function resolve(name: string, importer: string): string {
  const { resolvedModule } = ts.resolveModuleName(name, importer, options, ts.sys)
  if (!resolvedModule) throw new Error(`${importer} imports ${name}, which has no declarations`)
  return resolvedModule.resolvedFileName
}
