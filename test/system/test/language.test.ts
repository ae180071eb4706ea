import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

/** From test/system/dist/test. */
const repository = fileURLToPath(new URL('../../../../', import.meta.url))

const ignored = new Set(['node_modules', 'dist', 'data', 'data-cluster'])

/** The Markdown files of a folder and of those in it, without folders that git ignores. */
function markdownIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isFile()) return entry.name.endsWith('.md') ? [path] : []
    const hidden = entry.name.startsWith('.') && entry.name !== '.github'
    return entry.isDirectory() && !hidden && !ignored.has(entry.name) ? markdownIn(path) : []
  })
}

/** A line of prose, without the marks of a list or a quotation. */
interface Line {
  number: number
  text: string
}

/** Each paragraph, list item and table cell of a page. Headings, code and HTML are left out. */
function blocksOf(page: string): Line[][] {
  const blocks: Line[][] = []
  let paragraph: Line[] = []
  const finish = () => {
    if (paragraph.length > 0) blocks.push(paragraph)
    paragraph = []
  }
  let fence: string | undefined
  for (const [index, line] of page.split('\n').entries()) {
    const number = index + 1
    const text = line.replace(/^[\s>]+/, '').trimEnd()
    const [mark] = /^(```|~~~)/.exec(text) ?? []
    if (fence !== undefined) {
      if (mark === fence) fence = undefined
    } else if (mark !== undefined) {
      finish()
      fence = mark
    } else if (text === '' || /^(#{1,6} |<)/.test(text)) {
      finish()
    } else if (text.startsWith('|')) {
      finish()
      const cells = text.split(/(?<!\\)\|/).map((cell) => cell.trim())
      blocks.push(...cells.filter((cell) => cell !== '').map((cell) => [{ number, text: cell }]))
    } else {
      const item = /^([-*+]|\d+[.)]) +/.exec(text)
      if (item !== null) finish()
      paragraph.push({ number, text: text.slice(item?.[0].length ?? 0) })
    }
  }
  finish()
  return blocks
}

/** The sentences of a block, each with the number of the line on which it begins. */
function sentencesOf(block: readonly Line[]): Line[] {
  const sentences: Line[] = []
  let open: Line | undefined
  for (const { number, text } of block) {
    for (const part of text.split(/(?<=[.!?][)"'”’*_]*) +/)) {
      open = open === undefined ? { number, text: part } : { ...open, text: `${open.text} ${part}` }
      if (!/[.!?][)"'”’*_]*$/.test(part)) continue
      sentences.push(open)
      open = undefined
    }
  }
  return open === undefined ? sentences : [...sentences, open]
}

function isBad(sentence: string): boolean {
  if (/\bunless told\b/i.test(sentence)) return true
  const question = /\?[)"'”’*_]*$/.test(sentence)
  const heading = /^\*\*[^*]+\*\*$/.test(sentence)
  return !question && !heading && /^[("'“‘*_]*(Who|Whoever|Whom|What) /.test(sentence)
}

function complaintsAbout(name: string, page: string): string[] {
  return blocksOf(page)
    .flatMap(sentencesOf)
    .filter(({ text }) => isBad(text))
    .map(({ number, text }) => `${name}:${number}: ${text}`)
}

t.test('a sentence that is hard to read is found', async (t) => {
  const page = [
    '# What is promised',
    '',
    'A client waits. Who comes back',
    'keeps its name. It ends unless',
    'told otherwise. What is a room? **What bounds it.** See `a.b`.',
    '',
    '| name  | meaning                              |',
    '| ----- | ------------------------------------ |',
    '| `url` | A name. What others see. 5 unless told. |',
    '',
    '```sh',
    'What a program prints.',
    '```',
    '- Whoever may write is believed',
    '2. Whom do you mean? "Whom the room lets in" may read.',
  ].join('\n')
  t.same(complaintsAbout('page.md', page), [
    'page.md:3: Who comes back keeps its name.',
    'page.md:4: It ends unless told otherwise.',
    'page.md:9: What others see.',
    'page.md:9: 5 unless told.',
    'page.md:14: Whoever may write is believed',
    'page.md:15: "Whom the room lets in" may read.',
  ])
})

t.test('no page has a sentence that begins with a clause, or says "unless told"', async (t) => {
  const pages = markdownIn(repository).map((path) => relative(repository, path))
  t.ok(pages.length > 10, 'the pages are found')
  t.same(
    pages.flatMap((page) => complaintsAbout(page, readFileSync(join(repository, page), 'utf8'))),
    [],
  )
})
