import type { User } from '@rabble/client'
import type { JSX } from 'preact'

/** Colours of `.avatar` in the style sheet. */
const colours = 12

/** A coloured circle with the first letter of the name: decoration, the name stands beside it. */
export function Avatar({ user, small = false }: { user: User; small?: boolean }): JSX.Element {
  return (
    <span class={`avatar tint-${tintOf(user.id)} ${small ? 'small' : ''}`} aria-hidden="true">
      {initialOf(user.name)}
    </span>
  )
}

export function initialOf(name: string): string {
  for (const { segment } of new Intl.Segmenter().segment(name)) return segment.toLocaleUpperCase()
  return '?'
}

/** The same user has the same colour on every page: 0 to 11. */
export function tintOf(id: string): number {
  let hash = 0
  for (let i = 0; i < id.length; i++) hash = (Math.imul(hash, 31) + id.charCodeAt(i)) >>> 0
  return hash % colours
}
