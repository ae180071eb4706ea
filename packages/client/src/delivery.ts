import type { ClientFrames } from '@rabble/contract'
import type { ChatClock } from './clock.ts'
import type { Connection } from './connection.ts'
import { ChatError } from './errors.ts'
import { isMadeUp } from './names.ts'
import type { Outbox } from './outbox.ts'
import type { Item } from './outbox-item.ts'
import type { RoomClient } from './room.ts'
import type { Sent } from './types.ts'

/** Sends items of the outbox over the connection, each after its room was entered. */
export class Delivery {
  readonly #clock: ChatClock
  readonly #connection: Connection
  readonly #outbox: Outbox
  /** Rooms that the application has opened. */
  readonly #rooms: ReadonlyMap<string, RoomClient>
  /** Rooms that were joined only to send unsent messages. */
  readonly #visited = new Set<string>()

  constructor(options: {
    clock: ChatClock
    connection: Connection
    outbox: Outbox
    rooms: ReadonlyMap<string, RoomClient>
  }) {
    this.#clock = options.clock
    this.#connection = options.connection
    this.#outbox = options.outbox
    this.#rooms = options.rooms
  }

  /** Sends an item once there is a connection. Resolves when the log has it. @throws ChatError */
  async send(item: Item): Promise<Sent> {
    const { type, cid, room = '', to, text, message: id, replyTo, meta } = item
    await this.#connection.opened
    if (to === undefined && isMadeUp(room)) await this.#enter(room)
    try {
      // The events of `joined` may include this very event, if its acknowledgement was lost.
      if (!this.#outbox.wants(item)) throw new ChatError('discarded', 'taken back')
      // Each type uses some of these fields. Undefined fields are not sent, and gateways ignore the surplus fields of a deletion.
      const where = to === undefined ? { room } : { to }
      const clock = this.#clock
      // Takes the larger age: the clock of the machine may have been set back.
      const age = Math.max(
        0,
        clock.now() - Date.parse(item.at),
        item.writtenAt === undefined ? 0 : clock.monotonic() - item.writtenAt,
      )
      const resent = item.tried ? Math.ceil(age) : undefined
      item.tried = true
      const frame = { type, ...where, id, text, cid, resent, replyTo, meta } as ClientFrames[typeof type]
      return await this.#connection.request(frame)
    } finally {
      this.#unvisit(room, item)
    }
  }

  /** Forgets the joins of the connection that was lost. */
  reset(): void {
    this.#visited.clear()
  }

  /** Notes that the application has opened a room, which then stays joined. */
  opened(room: string): void {
    this.#visited.delete(room)
  }

  /** Resolves when the session is in the room. The application may have left the room before all its messages were sent. */
  async #enter(name: string): Promise<void> {
    const room = this.#rooms.get(name)
    if (room !== undefined) {
      try {
        return await room.entered
      } catch (error) {
        if ((error as ChatError).code !== 'left') throw error
      }
    }
    if (this.#visited.has(name)) return
    await this.#connection.request({ type: 'join', room: name, recent: 0 })
    if (!this.#rooms.has(name)) this.#visited.add(name)
  }

  /** Leaves a room that was joined only to send, if nothing more is to be sent there. */
  #unvisit(room: string, sent: Item): void {
    const more = this.#outbox.items.some(
      (item) => item !== sent && item.room === room && item.state === 'pending',
    )
    if (!more && this.#visited.delete(room)) leave(this.#connection, room)
  }
}

/** Leaves a room. The reply has no information, and a lost connection has left the room anyway. */
export function leave(connection: Connection, room: string): void {
  connection.request({ type: 'leave', room }).catch(() => {})
}
