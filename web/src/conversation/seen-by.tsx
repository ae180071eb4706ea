import { useComputed, useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { t } from '../texts/texts.ts'
import { listOf } from './names-list.ts'
import { seen } from './seen.ts'

/** Line below an own message that says who has read it: in a room their number, and their names behind it. */
export function SeenBy({ message, direct }: { message: string; direct: boolean }): JSX.Element | null {
  // Only changes of this message draw it again.
  const users = useComputed(() => seen.value.get(message)).value
  const open = useSignal(false)
  if (users === undefined) return null
  if (direct) return <p class="seen">{t.conversation.seen}</p>
  const ids = users.split(' ')
  const names = listOf(ids, ids.length)
  return (
    <p class="seen">
      <button
        type="button"
        class="seen-by"
        title={names}
        aria-expanded={open.value}
        onClick={() => {
          open.value = !open.peek()
        }}
      >
        {t.conversation.seenBy(ids.length)}
      </button>
      {open.value && <span>{names}</span>}
    </p>
  )
}
