/** A piece of a text: plain, or a link. */
export interface Piece {
  text: string
  href?: string
}

/** No space, no quotes and angle brackets, no control or formatting character: what looks like an address is one. */
const address = /\bhttps?:\/\/[^\s<>"'`\p{Cc}\p{Cf}]+/giu
const pairs = { ')': '(', ']': '[', '}': '{' } as const

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

/** Punctuation behind an address belongs to the sentence; a bracket does if it was opened there. */
function withoutEnd(found: string): string {
  let end = found.length
  for (; end > 0; end--) {
    const last = found[end - 1] as string
    if (/[.,:;!?*_~…，。、！？]/.test(last)) continue
    if (last in pairs) {
      const kept = found.slice(0, end)
      if (count(kept, last) > count(kept, pairs[last as keyof typeof pairs])) continue
    }
    break
  }
  return found.slice(0, end)
}

function count(text: string, letter: string): number {
  return text.split(letter).length - 1
}

function hrefOf(text: string): string | undefined {
  try {
    const url = new URL(text)
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : undefined
  } catch {
    return undefined
  }
}
