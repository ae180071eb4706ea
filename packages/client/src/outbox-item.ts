import { bytesOf } from './bytes.ts'
import { Deferred } from './deferred.ts'
import { ChatError } from './errors.ts'
import { same } from './same.ts'
import type { Pending, Sent } from './types.ts'

/** Stored fields of an item. */
export interface Written {
  type: Pending['type']
  cid: string
  room?: string
  /** Id of the user to whom it is sent, instead of a room. */
  to?: string
  text: string
  replyTo?: string
  meta?: Record<string, unknown>
  mentions?: readonly string[]
  message?: string
  at: string
  failed?: { code: ChatError['code']; message: string }
}

/** The outbox, as an item uses it. */
interface ItemHolder {
  retry(item: Item): Promise<Sent>
  discard(item: Item): void
}

/** Message, edit or deletion of the outbox. */
export class Item {
  // Copied from `written`.
  declare readonly type: Pending['type']
  declare readonly cid: string
  declare room: string | undefined
  declare readonly to: string | undefined
  declare readonly text: string
  declare readonly replyTo: string | undefined
  declare readonly meta: Record<string, unknown> | undefined
  declare readonly mentions: readonly string[] | undefined
  declare readonly message: string | undefined
  declare readonly at: string
  written: Written
  settled = new Deferred<Sent>()
  status: Pending['status'] = 'pending'
  error: ChatError | undefined
  /** Id of the event, once it is known. */
  id: string | undefined
  /** Whether it may have been sent already. */
  tried: boolean
  /** Time of writing by the clock's `monotonic`; undefined for an item from the storage. */
  readonly writtenAt: number | undefined
  readonly bytes: number
  /** Key of the queue that sends one item at a time. No room has a name with an @. */
  readonly lane: string
  readonly retry = (): Promise<Sent> => this.#outbox.retry(this)
  readonly discard = (): void => this.#outbox.discard(this)
  readonly #outbox: ItemHolder
  #view: Pending | undefined

  constructor(written: Written, outbox: ItemHolder, writtenAt?: number) {
    Object.assign(this, written)
    this.tried = writtenAt === undefined
    this.writtenAt = writtenAt
    this.written = written
    this.#outbox = outbox
    this.bytes = bytesOf(JSON.stringify(written))
    this.lane = this.to === undefined ? `${this.room}` : `@${this.to}`
    const { failed } = written
    if (failed !== undefined) this.fail(new ChatError(failed.code, failed.message))
  }

  /** The item as the application sees it: another object after each change. */
  get view(): Pending {
    const { to, failed, ...written } = this.written
    const { room, status, error, retry, discard } = this
    // Without the fields that it has not.
    this.#view = same(this.#view, { ...written, room, status, error, retry, discard } as Pending)
    return this.#view
  }

  requeue(): void {
    const { failed, ...written } = this.written
    this.written = written
    this.status = 'pending'
    this.error = undefined
    this.settled = new Deferred()
  }

  sent(id: string): void {
    this.id = id
    this.status = 'sent'
    this.error = undefined
  }

  fail(error: ChatError): void {
    this.status = 'failed'
    this.error = error
    this.written = { ...this.written, failed: { code: error.code, message: error.message } }
  }
}

/**
 * Returns a UUID of version 7 (RFC 9562, 5.7). It begins with the time, so a gateway can tell that the event is new. Pages over
 * plain HTTP have no `crypto.randomUUID`.
 */
export function newCid(now: number): string {
  const time = now.toString(16).padStart(12, '0')
  const digit = () => ((crypto.getRandomValues(new Uint8Array(1))[0] ?? 0) % 16).toString(16)
  return `${time.slice(0, 8)}-${time.slice(8)}-7xxx-8xxx-xxxxxxxxxxxx`.replace(/x/g, digit)
}
