import type { ChatEvent } from '@rabble/contract'
import type { Connection } from './connection.ts'
import type { ChatError } from './errors.ts'
import type { HttpHost } from './http.ts'
import type { Outbox } from './outbox.ts'
import type { Written } from './outbox-item.ts'
import type { RoomClient } from './room.ts'
import type { Logger, RequestOptions, Sent } from './types.ts'

/** Module of the parts that are loaded when they are needed, at the latest after the first connection. */
export type OnDemand = typeof import('./on-demand.ts')

/** What an application writes in a room. */
export type What = Pick<Written, 'type' | 'text' | 'replyTo' | 'meta' | 'message'>

/** Parts of the chat that a room uses. */
export interface RoomHost extends HttpHost {
  readonly keep: number
  readonly catchUp: number
  readonly connection: Connection
  readonly outbox: Outbox
  readonly logger: Logger | undefined
  request<T>(path: readonly string[], options?: RequestOptions<T>): Promise<T>
  /** @throws ChatError `unavailable` if the module can't be loaded now */
  load(): Promise<OnDemand>
  /** Loads it, however often that fails. */
  loadLater(): Promise<OnDemand>
  write(room: string, what: What): Promise<Sent>
  /** Reports an event: live, missed during an absence, or older than the first entry. */
  seen(event: ChatEvent, how: 'live' | 'missed' | 'old'): void
  /** Reports that something visible has changed. */
  notify(): void
  /** Reports that the application joins a room. Returns the reason why it can't. */
  joined(room: RoomClient): ChatError | undefined
  left(room: string): void
}
