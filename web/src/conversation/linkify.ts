/** A piece of a text: plain, or a link. */
export interface Piece {
  text: string
  href?: string
}

/** No space, no quotes and angle brackets, no control or formatting character: what looks like an address is one. */
const address = /\bhttps?:\/\/[^\s<>"'`\p{Cc}\p{Cf}]+/giu
const pairs = { ')': '(', ']': '[', '}': '{' }

/** Finds the addresses of the web in a text. Nothing else is read into it: the pieces joined are the text. */
export function linkify(text: string): Piece[] {
  const pieces: Piece[] = []
  let from = 0
  for (const { 0: found, index } of text.matchAll(address)) {
    const trimmed = withoutEnd(found)
    const href = hrefOf(trimmed)
    if (href === undefined) continue
    if (index > from) pieces.push({ text: text.slice(from, index) })
    pieces.push({ text: trimmed, href })
    from = index + trimmed.length
  }
  if (from < text.length) pieces.push({ text: text.slice(from) })
  return pieces
}

/** Punctuation behind an address belongs to the sentence; a bracket does unless it was opened in the address. */
function withoutEnd(found: string): string {
  // Counted once and kept true: counting again at each bracket would take a second for a text of nothing else.
  const extra = new Map(
    Object.entries(pairs).map(([close, open]) => [close, count(found, close) - count(found, open)]),
  )
  let end = found.length
  for (; end > 0; end--) {
    const last = found[end - 1] as string
    const closed = extra.get(last) ?? 0
    if (closed > 0) extra.set(last, closed - 1)
    else if (!/[.,:;!?*_~…，。、！？]/.test(last)) break
  }
  return found.slice(0, end)
}

function count(text: string, letter: string): number {
  return text.split(letter).length - 1
}

/** The longest name of a host; parsers take long to turn a longer one into the letters of the DNS. */
const longestHost = 253

function hrefOf(text: string): string | undefined {
  if ((text.split(/[/?#]/, 3)[2]?.length ?? 0) > longestHost) return undefined
  try {
    const url = new URL(text)
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : undefined
  } catch {
    return undefined
  }
}
