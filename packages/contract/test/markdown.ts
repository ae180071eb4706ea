/** Returns the text below a heading, up to the next one of the same or a higher level. */
export function section(heading: string, within: string): string {
  const level = heading.indexOf(' ')
  const start = within.indexOf(`\n${heading}\n`)
  if (start === -1) {
    throw new Error(`there is no heading ${heading} in the text that begins with ${within.slice(0, 40)}`)
  }
  const body = within.slice(start + heading.length + 2)
  const next = body.search(new RegExp(`^#{1,${level}} `, 'm'))
  return next === -1 ? body : body.slice(0, next)
}

/** Returns the headings of the third level that are a name in backticks. */
export function names(text: string): string[] {
  return [...text.matchAll(/^### `(.+)`$/gm)].map(([, name]) => name ?? '')
}

/** Returns the tables of a text as lists of rows, with cells by the names of the columns. */
export function tables(text: string): Record<string, string>[][] {
  return [...text.matchAll(/^\|.*\n(?:\|.*\n)*/gm)].map(([lines]) => {
    const [columns = [], , ...rows] = lines
      .trimEnd()
      .split('\n')
      .map((line) =>
        line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      )
    return rows.map((cells) =>
      Object.fromEntries(columns.map((column, index) => [column, cells[index] ?? ''])),
    )
  })
}

/**
 * Returns the first table of a text.
 * @throws Error if there is none
 */
export function table(text: string): Record<string, string>[] {
  const [first] = tables(text)
  if (first === undefined) throw new Error(`there is no table in ${text.slice(0, 200)}`)
  return first
}

/** Returns the blocks of a text in JSON or NDJSON. */
export function blocks(text: string): string[] {
  return [...text.matchAll(/```(?:nd)?json\n([\s\S]*?)```/g)].map(([, block = '']) => block)
}
