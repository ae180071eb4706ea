import { type AsyncQueue, createQueue } from './async-queue.ts'
import { Emitter } from './emitter.ts'
import type { Gap } from './events.ts'
import { same } from './same.ts'

/** Events and state that a chat and a room offer in the same ways. `look` returns the present state. */
export abstract class Observable<
  Events extends { [T in keyof Events]: { type: T } },
  Snapshot extends object,
> extends Emitter<Events & { '': undefined }> {
  readonly #feeds = new Set<AsyncQueue<Events[keyof Events]>>()
  #isOver = false
  #snapshot: Snapshot | undefined

  protected abstract look(): Snapshot

  /** Called when events of a type, or all of them, have got another listener. */
  protected abstract heard(type?: string): void

  [Symbol.asyncIterator](): AsyncIterableIterator<Events[keyof Events] | Gap> {
    const feed: AsyncQueue<Events[keyof Events]> = createQueue(() => this.#feeds.delete(feed))
    this.#feeds.add(feed)
    this.heard()
    if (this.#isOver) feed.end()
    return feed
  }

  override on<T extends keyof Events | ''>(
    type: T,
    listener: (event: (Events & { '': undefined })[T]) => void,
    once?: boolean,
  ): () => void {
    const off = super.on(type, listener, once)
    this.heard(type as string)
    return off
  }

  // Without `this`, so that they can be passed on as they are.
  readonly getSnapshot = (): Snapshot => {
    this.#snapshot = same(this.#snapshot, this.look())
    return this.#snapshot
  }

  readonly subscribe = (listener: () => void): (() => void) => this.on('', listener)

  /** Whether anybody reads the events one by one. */
  protected get isRead(): boolean {
    return this.#feeds.size > 0
  }

  tell(event: Events[keyof Events]): void {
    this.emit(event.type as never, event as never)
    for (const feed of this.#feeds) feed.push(event)
  }

  /** Tells subscribers that the state has changed. */
  notify(): void {
    this.emit('', undefined as never)
  }

  /** Ends all readers; with `forGood` also those that come later. */
  protected endFeeds(forGood?: boolean): void {
    if (forGood) this.#isOver = true
    for (const feed of this.#feeds) feed.end()
  }
}
