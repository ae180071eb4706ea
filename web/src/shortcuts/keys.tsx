import type { JSX } from 'preact'
import { namesOf } from './table.ts'

/** The keys of a shortcut, as they stand on the keyboard. */
export function Keys({ keys, mac }: { keys: string; mac: boolean }): JSX.Element {
  return (
    <span class="keys">
      {namesOf(keys, mac).map((name) => (
        <kbd key={name}>{name}</kbd>
      ))}
    </span>
  )
}
