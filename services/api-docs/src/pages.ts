import { readFileSync } from 'node:fs'

/** A part of a page of the protocol, from its heading to the next one of the same or a higher level. */
export interface Passage {
  /** Title of the page. */
  page: string
  heading: string
  /** Title of the part of the page that it belongs to. */
  part: string
  /** Its prose, as Markdown without links. */
  text: string
  /** Meanings of fields, parameters or types by name, from its tables. */
  meanings: ReadonlyMap<string, string>
  /** Errors with the conditions under which they come, from its tables. */
  errors: readonly { code: string; when: string }[]
  /** Its blocks of JSON, and the first line of those with several. */
  examples: readonly unknown[]
}

/** Path of the pages, seen from dist/src. */
const folder = new URL('../../../../docs/protocol/', import.meta.url)

/**
 * Returns the passages of a page of the protocol. Its texts are the only ones of their kind: descriptions take over what the pages
 * say of routes, frames and fields.
 */
export function readPage(name: string): Passage[] {
  const [head = '', ...sections] = readFileSync(new URL(name, folder), 'utf8').split(/^(?=#{2,3} )/m)
  const page = /^# (.*)/.exec(head)?.[1] ?? name
  let part = ''
  return sections.map((section) => {
    const [head = '', ...rest] = section.split('\n')
    const heading = head.replace(/^#+ /, '')
    if (head.startsWith('## ')) part = heading
    return { page, heading, part, ...contentOf(rest.join('\n')) }
  })
}

/** Returns the passage whose heading has this text in backticks. */
export function headed(passages: readonly Passage[], name: string, part?: string): Passage | undefined {
  return passages.find(
    (passage) => passage.heading.includes(`\`${name}\``) && (part === undefined || passage.part === part),
  )
}

/** Returns the passage of `what`. @throws Error if there is none */
export function found(passage: Passage | undefined, what: string): Passage {
  if (passage === undefined) throw new Error(`no page of the protocol describes ${what}`)
  return passage
}

/** Stands where something was cut out of a text. */
const cut = '\0'

function contentOf(body: string): Omit<Passage, 'page' | 'heading' | 'part'> {
  const blocks = [...body.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
  const prose = body
    .replace(/^```[\s\S]*?^```$/gm, cut)
    .replace(/^\| *(?:Field|Parameter|Header|Code|status|type) .*\n(?:\|.*\n?)*/gm, cut)
    // A sentence that only leads to what was cut out.
    .replace(/(?:(?<=[.!?])\s|^)(?:[^.!?\n]|\n(?!\n))*:\n+\0/gm, '')
    .replaceAll(cut, '')
  return {
    text: withoutLinks(prose)
      .replace(/\n{3,}/g, '\n\n')
      .trim(),
    meanings: new Map(
      rowsOf(body).flatMap((row) => {
        const { Meaning, meaning = Meaning } = row
        const names = quoted(row.Field ?? row.Parameter ?? row.Header ?? row.type ?? '')
        return meaning === undefined ? [] : names.map((name) => [name, meaning])
      }),
    ),
    errors: rowsOf(body).flatMap(({ Code, code, When, when = When }) =>
      when === undefined ? [] : quoted(Code ?? code ?? '').map((code) => ({ code, when })),
    ),
    examples: blocks.flatMap(([, kind, text = '']) =>
      kind === 'json'
        ? [JSON.parse(text) as unknown]
        : kind === 'ndjson'
          ? [JSON.parse(text.split('\n')[0] ?? '') as unknown]
          : [],
    ),
  }
}

function quoted(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)
}

/** Returns the rows of all tables of a text, with cells by the names of the columns. */
function rowsOf(text: string): Record<string, string>[] {
  return [...text.matchAll(/^\|.*\n(?:\|.*\n?)*/gm)].flatMap(([table]) => {
    const [columns = [], , ...rows] = table.trimEnd().split('\n').map(cellsOf)
    return rows.map((cells) => Object.fromEntries(columns.map((column, n) => [column, cells[n] ?? ''])))
  })
}

/** Returns the cells of a line of a table, without links. */
export function cellsOf(line: string): string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => withoutLinks(cell.trim().replaceAll('\\|', '|')))
}

/** Pages are not where a description is read, so their links would lead nowhere. */
function withoutLinks(markdown: string): string {
  return markdown.replace(/\[([^\]]+)\]\((?!https?:)[^)]*\)/g, '$1')
}
