/** A piece of a text: plain, or a link. */
export interface Piece {
  text: string
  href?: string
}

/** Pattern of addresses. It excludes spaces, quotes, angle brackets, control and formatting characters, which could deceive. */
const address = /\bhttps?:\/\/[^\s<>"'`\p{Cc}\p{Cf}]+/giu
const here = new RegExp(address.source, 'iuy')
const pairs = { ')': '(', ']': '[', '}': '{' }

/** Finds web addresses in a text. The joined pieces are the same text. */
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

/** Returns the web address that begins at an index of a text. */
export function addressAt(text: string, index: number): { text: string; href: string } | undefined {
  here.lastIndex = index
  const [found] = here.exec(text) ?? []
  if (found === undefined) return undefined
  const trimmed = withoutEnd(found)
  const href = hrefOf(trimmed)
  return href === undefined ? undefined : { text: trimmed, href }
}

/** Removes punctuation from the end of an address. A closing bracket stays if it was opened in the address. */
function withoutEnd(found: string): string {
  // Counts once and updates the counts. Counting again at each bracket would take a second for a text of brackets.
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

/** Maximum length of a host name. Parsers take long to convert a longer one for the DNS. */
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
