import type { ChatEvent, User } from '@rabble/contract'
import { backoff } from './backoff.ts'
import { bytesOf } from './bytes.ts'
import type { ChatClock } from './clock.ts'
import { Deferred } from './deferred.ts'
import { ChatError } from './errors.ts'
import { directRoom } from './names.ts'
import type { Store } from './store.ts'
import type { Pending, Sent } from './types.ts'

/** Cids of what was taken back that are kept in the storage, for tabs that have read it before. */
const maxDiscarded = 100

/** What is kept of an item in the storage. */
export interface Written {
  type: Pending['type']
  cid: string
  room?: string
  /** The id of a user whom it is for, instead of a room. */
  to?: string
  text: string
  replyTo?: string
  meta?: Record<string, unknown>
  message?: string
  at: string
  failed?: { code: ChatError['code']; message: string }
}

export interface OutboxOptions {
  clock: ChatClock
  store: Store
  count: number
  bytes: number
  /** Sends it and resolves when the log has it. @throws ChatError */
  deliver(item: Item): Promise<Sent>
  /** Whether somebody waits to see it come back as an event of the room. */
  shown(item: Item): boolean
  changed(item: Item): void
}

/**
 * What this user wrote and the server has not acknowledged. Of each room it goes out one at a time, in the order in which it
 * was written, always under the `cid` that it got first: what had arrived after all is not said twice.
 */
export class Outbox {
  readonly #options: OutboxOptions
  #items: Item[] = []
  /** The lanes that are sending, each with what ends its pause. */
  readonly #running = new Map<string, () => void>()
  #owner: string | undefined
  #closed = false

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  get items(): readonly Item[] {
    return this.#items
  }

  add(what: Omit<Written, 'cid' | 'at'>): Promise<Sent> {
    const item = new Item(
      {
        ...what,
        cid: newCid(this.#options.clock.now()),
        at: new Date(this.#options.clock.now()).toISOString(),
      },
      this,
      this.#options.clock.monotonic(),
    )
    const { promise, reject } = item.settled
    if (this.#closed) {
      reject(closed())
      return promise
    }
    this.#place(item)
    const { count, bytes } = this.#options
    const size = () => this.#items.reduce((sum, other) => sum + other.bytes, item.bytes)
    while (this.#items.length >= count || size() > bytes) {
      // What has failed was seen to fail, and what was sent is in the log.
      const old = this.#items.find(({ state }) => state !== 'pending')
      if (old === undefined) {
        reject(new ChatError('outbox-full', 'too much is unsent'))
        return promise
      }
      this.remove(old)
    }
    this.#items.push(item)
    this.#update(item)
    this.#start(item.lane)
    return promise
  }

  /** The user is known: what they left unsent goes out, and what somebody else wrote doesn't go out in their name. */
  own(user: User): void {
    if (this.#owner === user.id) return
    if (this.#owner !== undefined) {
      for (const item of this.#items) {
        if (item.state !== 'sent') this.#fail(item, new ChatError('other-user', 'written by another user'))
      }
      for (const key of [this.#key, this.#discardedKey]) this.#options.store.save(key, undefined)
    }
    const before = this.#owner === undefined ? this.#items : []
    this.#owner = user.id
    const known = new Set(this.#items.map(({ cid }) => cid))
    const left = this.#stored().filter(({ cid }) => !known.has(cid))
    this.#items = [...left.map((written) => new Item(written, this)), ...this.#items]
    for (const item of this.#items) this.#place(item)
    for (const item of before) this.#store(item)
    for (const item of this.#items) {
      this.#options.changed(item)
      if (item.state === 'pending') this.#start(item.lane)
    }
  }

  /** An event that this user made has come back: it needs no other copy. */
  seen(event: ChatEvent): void {
    const item = this.#items.find(({ type, cid, message, id }) => {
      if (id !== undefined) return id === event.id
      if (event.type === 'delete') return type === 'delete' && message === event.message
      return cid === event.cid && event.from.id === this.#owner
    })
    if (item === undefined) return
    item.settled.resolve({ id: event.id })
    this.remove(item)
  }

  /** Everything has come back that was acknowledged in this room until now. */
  caughtUp(room: string): void {
    for (const item of this.#items) if (item.room === room && item.state === 'sent') this.remove(item)
  }

  retry(item: Item): Promise<Sent> {
    if (item.state === 'failed' && item.error?.code !== 'other-user' && this.#items.includes(item)) {
      item.requeue()
      this.#update(item)
    }
    this.#running.get(item.lane)?.()
    this.#start(item.lane)
    return item.settled.promise
  }

  /** Takes it back, in other tabs with the same storage too: they may have read it already, and would send it. */
  discard(item: Item): void {
    if (this.#owner !== undefined && item.state !== 'sent') {
      this.#options.store.save(this.#discardedKey, [...this.#discarded(), item.cid].slice(-maxDiscarded))
    }
    this.remove(item)
  }

  /** Whether it is to be sent still: it may have come back meanwhile, or have been taken back, here or in another tab. */
  wants(item: Item): boolean {
    if (this.#discarded().includes(item.cid)) this.remove(item)
    return item.state === 'pending' && this.#items.includes(item)
  }

  remove(item: Item): void {
    if (!this.#items.includes(item)) return
    this.#items = this.#items.filter((other) => other !== item)
    item.settled.reject(new ChatError('discarded', 'taken back'))
    this.#update(item)
    this.#running.get(item.lane)?.()
  }

  /** Nothing more goes out. What is stored stays so. */
  close(): void {
    this.#closed = true
    for (const end of this.#running.values()) end()
    for (const { settled } of this.#items) settled.reject(closed())
  }

  /** Which room two users have, is known once this one is. */
  #place(item: Item): void {
    if (item.to === undefined || this.#owner === undefined) return
    item.room = directRoom(this.#owner, item.to)
    item.written.room = item.room
  }

  #start(lane: string): void {
    if (this.#closed || this.#running.has(lane)) return
    this.#running.set(lane, () => {})
    void this.#run(lane)
  }

  async #run(lane: string): Promise<void> {
    for (let attempt = 0; !this.#closed; ) {
      const item = this.#items.find((other) => other.lane === lane && other.state === 'pending')
      if (item === undefined) break
      try {
        // That it has come back proves as much as the answer, which may be lost.
        const { id } = await Promise.race([this.#options.deliver(item), item.settled.promise])
        attempt = 0
        if (this.#items.includes(item)) this.#sent(item, id)
      } catch (problem) {
        const error = problem as ChatError
        // Meanwhile it may have come back, been given up, or turned out to be another user's.
        if (this.#closed || item.state !== 'pending' || !this.#items.includes(item)) continue
        if (!error.retry) this.#fail(item, error)
        // Without a connection `deliver` waits for the next one.
        else if (error.code !== 'disconnected') await this.#delay(item, error, attempt++)
      }
    }
    this.#running.delete(lane)
  }

  #sent(item: Item, id: string): void {
    item.settled.resolve({ id })
    item.sent(id)
    if (this.#options.shown(item)) this.#update(item)
    else this.remove(item)
  }

  #fail(item: Item, error: ChatError): void {
    item.fail(error)
    item.settled.reject(error)
    this.#update(item)
  }

  /** What comes later waits behind it: it must not overtake. */
  async #delay(item: Item, error: ChatError, attempt: number): Promise<void> {
    item.error = error
    this.#options.changed(item)
    const wait = new Deferred<void>()
    const timer = this.#options.clock.setTimeout(wait.resolve, (error.retryAfter ?? 0) + backoff(attempt))
    this.#running.set(item.lane, wait.resolve)
    await wait.promise
    timer.cancel()
    this.#running.set(item.lane, () => {})
  }

  get #key(): string {
    return `unsent.${this.#owner}`
  }

  get #discardedKey(): string {
    return `discarded.${this.#owner}`
  }

  #discarded(): string[] {
    const cids = this.#options.store.load(this.#discardedKey)
    return Array.isArray(cids) ? (cids as string[]) : []
  }

  #stored(): Written[] {
    const stored = this.#options.store.load(this.#key)
    return Array.isArray(stored) ? (stored as Written[]) : []
  }

  #update(item: Item): void {
    this.#store(item)
    this.#options.changed(item)
  }

  /** Other tabs may use the same storage: of theirs nothing is changed. */
  #store(item: Item): void {
    if (this.#owner === undefined) return
    const stored = this.#stored()
    const index = stored.findIndex(({ cid }) => cid === item.cid)
    const keep = this.#items.includes(item) && item.state !== 'sent'
    if (index === -1 && (!keep || stored.length >= this.#options.count)) return
    stored.splice(index === -1 ? stored.length : index, 1, ...(keep ? [item.written] : []))
    this.#options.store.save(this.#key, stored.length === 0 ? undefined : stored)
  }
}

/** One thing that was written. */
export class Item implements Pending {
  // From `written`.
  declare readonly type: Pending['type']
  declare readonly cid: string
  declare room: string | undefined
  declare readonly to: string | undefined
  declare readonly text: string
  declare readonly replyTo: string | undefined
  declare readonly meta: Record<string, unknown> | undefined
  declare readonly message: string | undefined
  declare readonly at: string
  written: Written
  settled = new Deferred<Sent>()
  state: Pending['state'] = 'pending'
  error: ChatError | undefined
  /** Of the event, once it is known. */
  id: string | undefined
  /** Whether it may have been sent already. */
  tried: boolean
  /** When it was written, by the clock's `monotonic`; undefined if it comes from the storage. */
  readonly writtenAt: number | undefined
  readonly bytes: number
  /** What goes out one at a time. No room has a name with an @. */
  readonly lane: string
  readonly #outbox: Outbox

  constructor(written: Written, outbox: Outbox, writtenAt?: number) {
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

  retry(): Promise<Sent> {
    return this.#outbox.retry(this)
  }

  discard(): void {
    this.#outbox.discard(this)
  }

  requeue(): void {
    const { failed, ...written } = this.written
    this.written = written
    this.state = 'pending'
    this.error = undefined
    this.settled = new Deferred()
  }

  sent(id: string): void {
    this.id = id
    this.state = 'sent'
    this.error = undefined
  }

  fail(error: ChatError): void {
    this.state = 'failed'
    this.error = error
    this.written = { ...this.written, failed: { code: error.code, message: error.message } }
  }
}

function closed(): ChatError {
  return new ChatError('closed', 'the chat was closed')
}

/**
 * A UUID of version 7 (RFC 9562, 5.7), which begins with the time: a gateway sees by it that the event is a new one. Pages that
 * came over plain HTTP have no `crypto.randomUUID`.
 */
function newCid(now: number): string {
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0')
  const time = hex(now, 12)
  const random = [...crypto.getRandomValues(new Uint16Array(5))].map((part) => hex(part, 4)).join('')
  const [a, b, c] = [random.slice(0, 3), random.slice(3, 6), random.slice(6, 18)]
  return `${time.slice(0, 8)}-${time.slice(8)}-7${a}-8${b}-${c}`
}
