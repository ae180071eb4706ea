import type { User } from '@rabble/client'
import type { JSX } from 'preact'

/** Number of colours of `.avatar` in the style sheet. */
const colours = 12

/** Coloured circle with the first letter of the name. It is decoration beside the name. */
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

/** Returns the colour of a user, 0 to 11, which is the same on every page. */
export function tintOf(id: string): number {
  let hash = 0
  for (let i = 0; i < id.length; i++) hash = (Math.imul(hash, 31) + id.charCodeAt(i)) >>> 0
  return hash % colours
}
