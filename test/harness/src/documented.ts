import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Path of the repository, seen from test/harness/dist/src. */
const repository = fileURLToPath(new URL('../../../../', import.meta.url))

/**
 * Compares a table in a page of the documentation, between `<!-- section -->` and `<!-- /section -->`, with the table that
 * the code defines. With UPDATE_DOCS=1 in the environment it rewrites the table in the page instead.
 */
export function checkDocumented(
  t: { equal(found: unknown, wanted: unknown, message: string): unknown },
  page: string,
  section: string,
  table: readonly (readonly string[])[],
): void {
  const path = repository + page
  const text = readFileSync(path, 'utf8')
  const [open, close] = [`<!-- ${section} -->`, `<!-- /${section} -->`]
  const from = text.indexOf(open) + open.length
  const to = text.indexOf(close)
  if (to < from) throw new Error(`${page} has no section ${open} … ${close}`)
  const [head = [], ...rows] = table
  const lines = [head, head.map(() => '---'), ...rows].map(row)
  const wanted = `\n${lines.join('\n')}\n\n`
  if (process.env.UPDATE_DOCS) writeFileSync(path, text.slice(0, from) + wanted + text.slice(to))
  else t.equal(text.slice(from, to), wanted, `${page} is up to date (UPDATE_DOCS=1 writes it anew)`)
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}
