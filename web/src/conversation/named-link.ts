import { addressAt } from './linkify.ts'
import { isInvisible } from './shown.ts'
import type { Inline } from './tree.ts'

/** Matches what looks like an address: a scheme, or a name with a dot in it. */
const addressLike = /:\/\/|[\p{L}\p{N}]\.\p{L}{2}/u
const unseen = /\p{Default_Ignorable_Code_Point}|\p{Cf}/gu

/**
 * Returns a link with a text of its own. The host of the address is shown behind the text. A text that looks like another address
 * could deceive: it stays as it was written, with the address as the link.
 */
export function linkOf(address: string, children: Inline[]): Inline[] {
  const link = addressAt(address, 0)
  const text = textOf(children)
  if (link === undefined || isInvisible(text)) return asWritten(address, children)
  const { href } = link
  const { host } = new URL(href)
  const read = text.normalize('NFKC').replace(unseen, '')
  if (!addressLike.test(read)) return [{ type: 'link', href, children, host }]
  return addressAt(read, 0)?.href === href ? [{ type: 'link', href, children }] : asWritten(address, children)
}

function asWritten(address: string, children: Inline[]): Inline[] {
  const link = addressAt(address, 0)
  const end: Inline = link === undefined ? address : { type: 'link', href: link.href, children: [address] }
  return ['[', ...children, '](', end, ')']
}

/** Returns the text of pieces without its format. */
function textOf(pieces: readonly Inline[]): string {
  return pieces
    .map((piece) =>
      typeof piece === 'string' ? piece : 'text' in piece ? piece.text : textOf(piece.children),
    )
    .join('')
}
