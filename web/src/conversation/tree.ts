import { linkify } from './linkify.ts'
import { type Mentionable, mentionAt } from './mentions.ts'

/** A piece of a line: a text, or something in it. */
export type Inline =
  | string
  | { type: 'strong' | 'em' | 's'; children: Inline[] }
  | { type: 'code'; text: string }
  /** A link. If its text is not its address, `host` is shown behind it. */
  | { type: 'link'; href: string; children: Inline[]; host?: string }
  | { type: 'mention'; text: string; id: string }

/** A part of a formatted text. */
export type Block =
  | { type: 'paragraph'; children: Inline[] }
  | { type: 'quote'; children: Block[] }
  /** A list; numbered if it has a `start`. `marker` is the sign before its items. */
  | { type: 'list'; marker: string; start?: number; items: Block[][] }
  /** Lines of code. `info` is what stood behind the opening fence, such as the language. */
  | { type: 'code'; text: string; info: string }

/** Returns the pieces of a text without formatting: its links and mentions. The joined pieces are the same text. */
export function piecesOf(text: string, mentionable: readonly Mentionable[]): Inline[] {
  return linkify(text).flatMap(({ text, href }): Inline[] =>
    href === undefined ? mentionsIn(text, mentionable) : [{ type: 'link', href, children: [text] }],
  )
}

function mentionsIn(text: string, mentionable: readonly Mentionable[]): Inline[] {
  if (mentionable.length === 0) return [text]
  const pieces: Inline[] = []
  let from = 0
  for (let index = text.indexOf('@'); index !== -1; index = text.indexOf('@', index + 1)) {
    const found = mentionAt(text, index, mentionable)
    if (found === undefined) continue
    if (index > from) pieces.push(text.slice(from, index))
    from = index + 1 + found.name.length
    pieces.push({ type: 'mention', text: text.slice(index, from), id: found.id })
  }
  if (from < text.length) pieces.push(text.slice(from))
  return pieces
}
