import type { JSX } from 'preact'
import { typing } from '../state/people.ts'
import { formatNumber } from '../ui/intl.ts'

/** Line with the other users who are typing. Each name keeps its own text direction. */
export function Typing(): JSX.Element {
  const names = typing.value.map(({ name }) => `\u2068${name}\u2069`)
  const words =
    names.length === 0
      ? ''
      : names.length === 1
        ? `${names[0]} is typing…`
        : names.length === 2
          ? `${names[0]} and ${names[1]} are typing…`
          : `${formatNumber(names.length)} people are typing…`
  return <p class="typing">{words}</p>
}
