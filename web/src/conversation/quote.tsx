import { signal } from '@preact/signals'
import type { Message, Room } from '@rabble/client'
import { applyChange, type Change } from '@rabble/client/search'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { changes, onSignOut } from '../state/session.ts'
import { t } from '../texts/texts.ts'
import { beginning, shown } from './shown.ts'

/** Messages with replies that the room doesn't hold, by id. `null`: history has no such message. */
const fetched = signal<ReadonlyMap<string, Message | null>>(new Map())
const most = 500
/** Ids of fetched and requested messages, each with the changes since the request, which the response may lack. */
const asked = new Map<string, Change[]>()
const heard = new WeakSet<Room>()

onSignOut(() => {
  fetched.value = new Map()
  asked.clear()
})

/** The message to which a message replies. A click jumps to it. */
export function Quote({ room, id, onJump }: { room: Room; id: string; onJump?: () => void }): JSX.Element {
  changes.value
  const message = room.messages.findLast((other) => other.id === id) ?? fetched.value.get(id)
  const isIn = room.status === 'joined'
  useEffect(() => {
    if (message === undefined) void look(room, id)
  }, [room, id, message === undefined, isIn])
  const said =
    message === undefined || message === null ? (
      <span class="quiet">{message === null ? t.conversation.notAvailable : t.conversation.earlier}</span>
    ) : (
      <>
        <bdi class="name">{message.from.name}</bdi>{' '}
        <bdi class="quoted">
          {message.deleted === undefined ? beginning(shown(message.text), 200) : t.conversation.deleted}
        </bdi>
      </>
    )
  if (onJump === undefined) return <span class="quote">{said}</span>
  return (
    <button type="button" class="quote" onClick={onJump}>
      <span class="unseen">{t.conversation.inReplyTo} </span>
      {said}
    </button>
  )
}

async function look(room: Room, id: string): Promise<void> {
  if (asked.has(id)) return
  const meanwhile: Change[] = []
  asked.set(id, meanwhile)
  hear(room)
  try {
    const { messages } = await room.history({ around: id, limit: 1 })
    // Another user is in by now, or the cache was cleared.
    if (asked.get(id) !== meanwhile) return
    const found = messages.find((message) => message.id === id)
    const next = new Map(fetched.value)
    next.set(id, found === undefined ? null : meanwhile.reduce(applyChange, found))
    for (const oldest of next.keys()) {
      if (next.size <= most) break
      next.delete(oldest)
      asked.delete(oldest)
    }
    fetched.value = next
  } catch {
    // History doesn't have it, or is unavailable. A later draw asks again, and a click may find it.
    if (asked.get(id) === meanwhile) asked.delete(id)
  }
}

/** Applies changes to fetched messages. The room does so only for the messages that it holds. */
function hear(room: Room): void {
  if (heard.has(room)) return
  heard.add(room)
  const change = ({ change }: { change: Change }) => {
    asked.get(change.message)?.push(change)
    const message = fetched.peek().get(change.message)
    if (message === undefined || message === null) return
    fetched.value = new Map(fetched.peek()).set(message.id, applyChange(message, change))
  }
  room.on('edit', change)
  room.on('delete', change)
  // Changes in the gap may be missing.
  room.on('gap', () => {
    asked.clear()
    fetched.value = new Map()
  })
}
