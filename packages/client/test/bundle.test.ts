import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import t from 'tap'

// Relative to packages/client/dist/test.
const folder = fileURLToPath(new URL('../../', import.meta.url))

/** Returns the size of the minified and gzipped module, and the paths of its parts. */
async function bundle(external: string[], entry = 'index'): Promise<{ bytes: number; parts: string[] }> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: folder,
    entryPoints: [`src/${entry}.ts`],
    bundle: true,
    external,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    metafile: true,
    write: false,
  })
  const bytes = gzipSync(outputFiles[0]?.contents ?? '', { level: 9 }).length
  return { bytes, parts: Object.keys(metafile.inputs) }
}

t.test('for browsers it is one small module of its own, without a dependency', async (t) => {
  // The parts that are not needed before the first connection are loaded later.
  const { bytes } = await bundle(['./on-demand.ts'])
  t.ok(bytes < 10 * 1024, `${bytes} bytes, minified and gzipped`)
  const whole = await bundle([])
  t.ok(whole.bytes < 15 * 1024, `${whole.bytes} bytes with what is loaded later`)
  t.same(
    whole.parts.filter((path) => !path.startsWith('src/')),
    [],
  )
})

const entries = [
  'conversations',
  'rooms',
  'search',
  'moderation',
  'session',
  'account',
  'reactions',
  'signals',
  'receipts',
  'privacy',
  'people',
]
for (const entry of entries) {
  t.test(`the entry ${entry} is small, and brings nothing of the core with it`, async (t) => {
    const { bytes, parts } = await bundle([], entry)
    t.ok(bytes < 2 * 1024, `${bytes} bytes`)
    t.notOk(parts.includes('src/chat.ts'))
  })
}
