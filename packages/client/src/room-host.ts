import type { ChatEvent } from '@rabble/contract'
import type { ChatClock } from './clock.ts'
import type { Connection } from './connection.ts'
import type { Http } from './http.ts'
import type { Outbox } from './outbox.ts'
import type { Pending, SendOptions, Sent } from './types.ts'

/** Parts of the chat that a room uses. */
export interface RoomHost {
  readonly keep: number
  readonly catchUp: number
  readonly clock: ChatClock
  readonly connection: Connection
  readonly outbox: Outbox
  readonly http: Http
  write(
    room: string,
    what: Pick<Pending, 'type' | 'text'> & SendOptions & { message?: string },
  ): Promise<Sent>
  /** Reports an event: live, missed during an absence, or older than the first entry. */
  seen(event: ChatEvent, how: 'live' | 'missed' | 'old'): void
  changed(): void
  left(room: string): void
}
