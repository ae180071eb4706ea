import { cellsOf } from '../pages.ts'
import { type Html, html, type Part } from './html.ts'
import { table } from './table.ts'

/** Returns the Markdown of the protocol's pages as HTML: paragraphs, lists, and what `inline` knows. */
export function markdown(text: string): Html {
  return html`${text.split(/\n{2,}/).flatMap(blocksOf)}`
}

/** Returns a line of Markdown as HTML: code, strong and web addresses. */
export function inline(text: string): Html {
  const parts = text.split(/(`[^`]+`|\*\*.+?\*\*|\[[^\]]+\]\(https?:[^)]+\))/)
  return html`${parts.map((part, n) => (n % 2 === 0 ? part : marked(part)))}`
}

function marked(part: string): Part {
  if (part.startsWith('`')) return html`<code>${part.slice(1, -1)}</code>`
  if (part.startsWith('**')) return html`<strong>${inline(part.slice(2, -2))}</strong>`
  const [, text = '', address = ''] = /^\[(.+)\]\((.+)\)$/.exec(part) ?? []
  return html`<a href="${address}">${inline(text)}</a>`
}

function tableOf(block: string): Html {
  const [heads = [], , ...rows] = block.trimEnd().split('\n').map(cellsOf)
  return table(
    heads,
    rows.map((cells) => cells.map(inline)),
  )
}

/** Returns the table of a block, or its paragraph and lists: a list may follow a paragraph without an empty line. */
function blocksOf(block: string): Html[] {
  if (block.startsWith('|')) return [tableOf(block)]
  const items: { mark: string; text: string }[] = []
  for (const line of block.split('\n')) {
    const [, mark, first] = /^(-|\d+\.) +(.*)/.exec(line) ?? []
    const last = items.at(-1)
    if (mark !== undefined || last === undefined) items.push({ mark: mark ?? '', text: first ?? line })
    else last.text += ` ${line.trim()}`
  }
  return chunksOf(items).map(({ mark, texts }) => {
    if (mark === '') return html`${texts.map((text) => html`<p>${inline(text)}</p>`)}`
    const entries = texts.map((text) => html`<li>${inline(text)}</li>`)
    return mark === '-' ? html`<ul>${entries}</ul>` : html`<ol>${entries}</ol>`
  })
}

/** Groups successive items of the same kind. */
function chunksOf(items: readonly { mark: string; text: string }[]): { mark: string; texts: string[] }[] {
  const chunks: { mark: string; texts: string[] }[] = []
  for (const { mark, text } of items) {
    const kind = /^\d/.test(mark) ? '1.' : mark
    const last = chunks.at(-1)
    if (last?.mark === kind && kind !== '') last.texts.push(text)
    else chunks.push({ mark: kind, texts: [text] })
  }
  return chunks
}
