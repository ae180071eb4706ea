import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import t from 'tap'

/** Address of the built page, seen from dist/test. */
const site = new URL('../site/', import.meta.url)
const html = readFileSync(new URL('index.html', site), 'utf8')

/** Maximum size (bytes, compressed) of the scripts that the page loads before it shows anything. */
const most = 60_000

/** Returns a script and its static imports. */
function withImports(url: URL, known = new Set<string>()): Set<string> {
  if (known.has(url.href)) return known
  known.add(url.href)
  const code = readFileSync(url, 'utf8')
  for (const [, path] of code.matchAll(/(?:from|import)\s*"(\.{1,2}\/[^"]+\.js)"/g))
    withImports(new URL(path ?? '', url), known)
  return known
}

t.test('the page comes quickly: its first scripts are small', async (t) => {
  const scripts = [...html.matchAll(/<script[^>]+src="([^"]+)"/g)].map(
    ([, path]) => new URL(path ?? '', site),
  )
  t.equal(scripts.length, 1)
  const [script] = scripts
  if (script === undefined) return
  let bytes = 0
  for (const url of withImports(script)) bytes += gzipSync(readFileSync(new URL(url))).length
  t.comment(`${bytes} bytes`)
  t.ok(bytes > 0 && bytes < most, `${bytes} of ${most} bytes`)
})

t.test('nothing in the page needs a policy that allows inline code or style', async (t) => {
  t.notMatch(html, /<script(?![^>]*\ssrc=)/)
  t.notMatch(html, /<style|\sstyle=|\son[a-z]+=/)
})
