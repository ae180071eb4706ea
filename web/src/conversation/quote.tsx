import { signal } from '@preact/signals'
import type { Message, Room } from '@rabble/client'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { changes } from '../state/session.ts'

/** Messages that were answered and are not among those that the room holds; null: there is none. */
const fetched = signal<ReadonlyMap<string, Message | null>>(new Map())
const most = 500
const asked = new Set<string>()

/** What a message answers: a click leads there. */
export function Quote({ room, id, onJump }: { room: Room; id: string; onJump?: () => void }): JSX.Element {
  changes.value
  const message = room.messages.findLast((other) => other.id === id) ?? fetched.value.get(id)
  useEffect(() => {
    if (message === undefined) void look(room, id)
  }, [room, id, message === undefined])
  const said =
    message === undefined || message === null ? (
      <span class="quiet">{message === null ? 'A message that is gone' : 'An earlier message'}</span>
    ) : (
      <>
        <bdi class="name">{message.from.name}</bdi>{' '}
        <bdi class="quoted">{message.deleted === undefined ? message.text.slice(0, 200) : 'deleted'}</bdi>
      </>
    )
  if (onJump === undefined) return <span class="quote">{said}</span>
  return (
    <button type="button" class="quote" onClick={onJump}>
      <span class="unseen">Answers </span>
      {said}
    </button>
  )
}

async function look(room: Room, id: string): Promise<void> {
  if (asked.has(id)) return
  asked.add(id)
  try {
    const { messages } = await room.history({ around: id, limit: 1 })
    const next = new Map(fetched.value)
    next.set(id, messages.find((message) => message.id === id) ?? null)
    for (const oldest of next.keys()) {
      if (next.size <= most) break
      next.delete(oldest)
      asked.delete(oldest)
    }
    fetched.value = next
  } catch {
    // History doesn't know it, or can't be asked: the click may find it.
  }
}
