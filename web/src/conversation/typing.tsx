import type { JSX } from 'preact'
import { typing } from '../state/people.ts'
import { isolated } from '../texts/isolated.ts'
import { t } from '../texts/texts.ts'

/** Line with the other users who are typing. Each name keeps its own text direction. */
export function Typing(): JSX.Element {
  const names = typing.value.map(({ name }) => isolated(name))
  return <p class="typing">{words(names)}</p>
}

function words(names: readonly string[]): string {
  const [one, other] = names
  if (one === undefined) return ''
  if (other === undefined) return t.conversation.typing(one)
  if (names.length === 2) return t.conversation.typingBoth(one, other)
  return t.conversation.typingMany(names.length)
}
