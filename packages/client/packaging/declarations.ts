import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rollup } from 'rollup'
import { dts } from 'rollup-plugin-dts'
import ts from 'typescript'
import type { Entry } from './entries.ts'
import { plainTypes } from './plain-types.ts'

const options: ts.CompilerOptions = {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  strict: true,
}

/**
 * Writes the declarations of the entries: `index.d.ts` for `import`, `index.d.cts` for `require`. They have all that they need of
 * other packages of the repository in them.
 */
export async function writeDeclarations(entries: readonly Entry[], folder: string): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'rabble-declarations-'))
  try {
    const plain = join(scratch, 'contract.d.ts')
    const contract = resolve('@rabble/contract', entries[0]?.types ?? '')
    writeFileSync(plain, plainTypes(contract))
    const bundle = await rollup({
      input: Object.fromEntries(entries.map(({ name, types }) => [name, types])),
      plugins: [
        {
          name: 'workspace',
          resolveId(source, importer) {
            if (importer === undefined || !source.startsWith('@rabble/')) return null
            const path = resolve(source, importer)
            return path === contract ? plain : path
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
