import { backoff } from './backoff.ts'
import { sleep } from './clock.ts'
import type { ChatError } from './errors.ts'
import { isMadeUp } from './names.ts'
import type { LiveRoom } from './room-host.ts'
import type { Room, Sent } from './types.ts'

/** Last reaction of each room that is underway: they are sent in order. */
const lanes = new WeakMap<object, Promise<unknown>>()

/**
 * Reacts to a message with an emoji or, with `remove`, takes that back. Resolves once the log has it, however many connections that
 * takes, with the id of the event. A repeat changes nothing. The room must be joined, or be one of direct messages. Messages
 * have their `reactions`, and the event `reaction` of the room tells each one.
 * @throws ChatError that is final
 */
export function react(
  room: Pick<Room, 'name'>,
  message: string,
  emoji: string,
  { remove = false }: { remove?: boolean } = {},
): Promise<Sent> {
  const send = () => deliver(room as unknown as LiveRoom, message, emoji, remove)
  const sent = (lanes.get(room) ?? Promise.resolve()).then(send, send)
  lanes.set(room, sent)
  return sent
}

async function deliver(
  room: Pick<LiveRoom, 'name' | 'host' | 'entered'>,
  id: string,
  emoji: string,
  remove: boolean,
): Promise<Sent> {
  const { name, host } = room
  for (let attempt = 0; ; attempt++) {
    try {
      await host.connection.opened
      if (isMadeUp(name)) await room.entered
      const reply = await host.connection.request({ type: 'react', room: name, id, emoji, remove })
      return { id: reply.id }
    } catch (problem) {
      const error = problem as ChatError
      if (!error.retry) throw error
      // Without a connection the next attempt waits for one.
      if (error.code !== 'disconnected') await sleep(host.clock, (error.retryAfter ?? 0) + backoff(attempt))
    }
  }
}
