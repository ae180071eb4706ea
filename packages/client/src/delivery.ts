import type { ClientFrames } from '@rabble/contract'
import type { ChatClock } from './clock.ts'
import type { Connection } from './connection.ts'
import { ChatError } from './errors.ts'
import { leave } from './leave.ts'
import { isMadeUp } from './names.ts'
import type { Outbox } from './outbox.ts'
import type { Item } from './outbox-item.ts'
import type { Sent } from './types.ts'

/** The chat, as the delivery uses it. */
export interface DeliveryHost {
  readonly clock: ChatClock
  readonly connection: Connection
  readonly outbox: Outbox
  /** Handles of rooms. */
  readonly handles: ReadonlyMap<string, { readonly isWanted: boolean; readonly entered: Promise<void> }>
  /** Rooms that were joined over this connection only to send unsent messages. */
  readonly visited: Set<string>
}

/** Sends an item of the outbox, after its room was entered. Resolves when the log has it. @throws ChatError */
export async function deliver(host: DeliveryHost, item: Item): Promise<Sent> {
  const { clock, connection, outbox } = host
  const { type, cid, room = '', to, text, message: id, replyTo, meta, mentions } = item
  if (to === undefined && isMadeUp(room)) await enter(host, room)
  try {
    // The events of `joined` may include this very event, if its acknowledgement was lost.
    if (!outbox.wants(item)) throw new ChatError('discarded')
    // Each type uses some of these fields. Undefined fields are not sent, and gateways ignore the surplus fields of a deletion.
    const where = to === undefined ? { room } : { to }
    // Takes the larger age: the clock of the machine may have been set back.
    const age = Math.max(
      0,
      clock.now() - Date.parse(item.at),
      item.writtenAt === undefined ? 0 : clock.monotonic() - item.writtenAt,
    )
    const resent = item.tried ? Math.ceil(age) : undefined
    item.tried = true
    const frame = {
      type,
      ...where,
      id,
      text,
      cid,
      resent,
      replyTo,
      meta,
      mentions,
    } as ClientFrames[typeof type]
    return await connection.request(frame)
  } finally {
    const more = outbox.items.some(
      (other) => other !== item && other.room === room && other.status === 'pending',
    )
    if (!more && host.visited.delete(room)) leave(connection, room, { keep: true })
  }
}

/** Resolves when the session is in the room. The application may have left the room before all its messages were sent. */
async function enter({ connection, handles, visited }: DeliveryHost, name: string): Promise<void> {
  const room = handles.get(name)
  if (room?.isWanted) {
    try {
      return await room.entered
    } catch (error) {
      if ((error as ChatError).code !== 'left') throw error
    }
  }
  if (visited.has(name)) return
  await connection.request({ type: 'join', room: name, recent: 0 })
  if (!handles.get(name)?.isWanted) visited.add(name)
}
