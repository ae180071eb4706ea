import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import t from 'tap'

// Relative to packages/client/dist/test.
const folder = fileURLToPath(new URL('../../', import.meta.url))

t.test('for browsers it is one small module of its own, without a dependency', async (t) => {
  const { outputFiles, metafile } = await build({
    absWorkingDir: folder,
    entryPoints: ['src/index.ts'],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    metafile: true,
    write: false,
  })
  const bytes = gzipSync(outputFiles[0]?.contents ?? '', { level: 9 }).length
  t.ok(bytes < 10 * 1024, `${bytes} bytes, minified and gzipped`)
  t.same(
    Object.keys(metafile.inputs).filter((path) => !path.startsWith('src/')),
    [],
  )
})
