import type { ChatEvent, User } from '@rabble/contract'
import { backoff } from './backoff.ts'
import type { ChatClock } from './clock.ts'
import { Deferred } from './deferred.ts'
import { ChatError } from './errors.ts'
import { directRoom } from './names.ts'
import { Item, newCid, type Written } from './outbox-item.ts'
import { same } from './same.ts'
import type { Store } from './store.ts'
import type { ConnectOptions, Pending, Sent } from './types.ts'

/** Maximum number of cids of discarded messages in the storage, for other tabs that have already read the messages. */
const maxDiscarded = 100

/** The chat, as its outbox uses it. */
export interface OutboxHost {
  readonly clock: ChatClock
  readonly store: Store
  /** Sends an item. Resolves when the log has it. @throws ChatError */
  deliver(item: Item): Promise<Sent>
  /** Returns whether the item's room is open, so that the item stays until it comes back as an event. */
  shown(item: Item): boolean
  itemChanged(item: Item): void
}

/**
 * Messages and changes that the server has not acknowledged. Each room sends one at a time, in the order of writing, always under
 * the original `cid`: an item that has arrived already is not published twice.
 */
export class Outbox {
  readonly #host: OutboxHost
  readonly #limits: { count: number; bytes: number }
  items: readonly Item[] = []
  /** Lanes that are sending, each with the function that ends its pause. */
  readonly #running = new Map<string, () => void>()
  #pending: readonly Pending[] = []
  #owner: string | undefined
  #closed = false

  constructor(host: OutboxHost, limits: ConnectOptions['outbox']) {
    this.#host = host
    this.#limits = { count: 500, bytes: 256 * 1024, ...limits }
  }

  /** The items as the application sees them; the same list until one changes. */
  get pending(): readonly Pending[] {
    this.#pending = same(
      this.#pending,
      this.items.map(({ view }) => view),
    )
    return this.#pending
  }

  add(what: Omit<Written, 'cid' | 'at'>): Promise<Sent> {
    const { clock } = this.#host
    const now = clock.now()
    const written = { ...what, cid: newCid(now), at: new Date(now).toISOString() }
    const item = new Item(written, this, clock.monotonic())
    const { promise, reject } = item.settled
    if (this.#closed) {
      reject(closed())
      return promise
    }
    this.#place(item)
    const { count, bytes } = this.#limits
    const size = () => this.items.reduce((sum, other) => sum + other.bytes, item.bytes)
    while (this.items.length >= count || size() > bytes) {
      // The application has seen failed items fail, and sent ones are in the log.
      const old = this.items.find(({ status }) => status !== 'pending')
      if (!old) {
        reject(new ChatError('outbox-full'))
        return promise
      }
      this.remove(old)
    }
    this.items = [...this.items, item]
    this.#update(item)
    this.#start(item.lane)
    return promise
  }

  /** Sets the user: sends what this user left unsent, and fails what another user wrote. */
  own(user: User | undefined): void {
    if (user === undefined || this.#owner === user.id) return
    if (this.#owner !== undefined) {
      for (const item of this.items) {
        if (item.status !== 'sent') this.#fail(item, new ChatError('other-user', 'written by another user'))
      }
      for (const key of [this.#key, this.#discardedKey]) this.#host.store.save(key, undefined)
    }
    const before = this.#owner === undefined ? this.items : []
    this.#owner = user.id
    const known = new Set(this.items.map(({ cid }) => cid))
    const left = this.#load<Written>(this.#key).filter(({ cid }) => !known.has(cid))
    this.items = [...left.map((written) => new Item(written, this)), ...this.items]
    for (const item of this.items) this.#place(item)
    for (const item of before) this.#store(item)
    for (const item of this.items) {
      this.#host.itemChanged(item)
      if (item.status === 'pending') this.#start(item.lane)
    }
  }

  /** Removes the item whose event has come back. */
  seen(event: ChatEvent): void {
    const item = this.items.find(({ type, cid, message, id }) => {
      if (id !== undefined) return id === event.id
      if (event.type === 'delete') return type === 'delete' && message === event.message
      return 'cid' in event && cid === event.cid && event.from.id === this.#owner
    })
    if (!item) return
    item.settled.resolve({ id: event.id })
    this.remove(item)
  }

  /** Removes the items of a room that were acknowledged: a join has brought back all their events. */
  caughtUp(room: string): void {
    for (const item of this.items) if (item.room === room && item.status === 'sent') this.remove(item)
  }

  retry(item: Item): Promise<Sent> {
    if (item.status === 'failed' && item.error?.code !== 'other-user' && this.items.includes(item)) {
      item.requeue()
      this.#update(item)
    }
    this.#running.get(item.lane)?.()
    this.#start(item.lane)
    return item.settled.promise
  }

  /** Withdraws an item, also from other tabs with the same storage: they may have read it already, and would send it. */
  discard(item: Item): void {
    if (this.#owner !== undefined && item.status !== 'sent') {
      this.#host.store.save(
        this.#discardedKey,
        [...this.#load(this.#discardedKey), item.cid].slice(-maxDiscarded),
      )
    }
    this.remove(item)
  }

  /** Returns whether the item must still be sent. It may have come back, or have been withdrawn here or in another tab. */
  wants(item: Item): boolean {
    if (this.#load(this.#discardedKey).includes(item.cid)) this.remove(item)
    return item.status === 'pending' && this.items.includes(item)
  }

  remove(item: Item): void {
    if (!this.items.includes(item)) return
    this.items = this.items.filter((other) => other !== item)
    item.settled.reject(new ChatError('discarded'))
    this.#update(item)
    this.#running.get(item.lane)?.()
  }

  /** Stops sending. Stored items stay in the storage. */
  close(): void {
    this.#closed = true
    for (const end of this.#running.values()) end()
    for (const { settled } of this.items) settled.reject(closed())
  }

  /** Withdraws everything. */
  forget(): void {
    for (const item of this.items) this.remove(item)
  }

  /** Sets the item's room, which depends on the user's own id. */
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
      const item = this.items.find((other) => other.lane === lane && other.status === 'pending')
      if (!item) break
      try {
        // The event itself proves as much as the answer, which may be lost.
        const { id } = await Promise.race([this.#host.deliver(item), item.settled.promise])
        attempt = 0
        if (this.items.includes(item)) this.#sent(item, id)
      } catch (problem) {
        const error = problem as ChatError
        // The item may have come back, been withdrawn, or turned out to be another user's.
        if (this.#closed || item.status !== 'pending' || !this.items.includes(item)) continue
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
    if (this.#host.shown(item)) this.#update(item)
    else this.remove(item)
  }

  #fail(item: Item, error: ChatError): void {
    item.fail(error)
    item.settled.reject(error)
    this.#update(item)
  }

  /** Pauses the lane before the next attempt. Later items wait behind this one, so that none overtakes it. */
  async #delay(item: Item, error: ChatError, attempt: number): Promise<void> {
    item.error = error
    this.#host.itemChanged(item)
    const wait = new Deferred<void>()
    const timer = this.#host.clock.setTimeout(wait.resolve, (error.retryAfter ?? 0) + backoff(attempt))
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

  #load<T>(key: string): T[] {
    const list = this.#host.store.load(key)
    return Array.isArray(list) ? list : []
  }

  #update(item: Item): void {
    this.#store(item)
    this.#host.itemChanged(item)
  }

  /** Writes one item to the storage. Other tabs may use the same storage, so their items stay unchanged. */
  #store(item: Item): void {
    if (this.#owner === undefined) return
    const stored = this.#load<Written>(this.#key)
    const index = stored.findIndex(({ cid }) => cid === item.cid)
    const keep = this.items.includes(item) && item.status !== 'sent'
    if (index === -1 && (!keep || stored.length >= this.#limits.count)) return
    stored.splice(index === -1 ? stored.length : index, 1, ...(keep ? [item.written] : []))
    this.#host.store.save(this.#key, stored.length === 0 ? undefined : stored)
  }
}

function closed(): ChatError {
  return new ChatError('closed')
}
