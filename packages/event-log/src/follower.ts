import type { Clock } from '@rabble/clock'
import { Deferred } from '@rabble/clock/deferred'
import { Collecting } from './collecting.ts'
import type { LogBatch, LogObserver, LogStart, ReadOptions } from './event-log.ts'

/** Maximum number of bytes of one step with more than one batch, and of bytes in memory for one slow reader. */
export const stepBytes = 512 * 1024
const windowBytes = 8 * 1024 * 1024

/** Source of batches that are no longer, or not yet, in memory. */
export interface FollowerSource {
  /** Returns the offset of the newest batch. */
  last(): number
  /** Returns the offset to start after. `anchored`: nothing may be missing after it. `gap`: events are missing. */
  start(from: LogStart): Promise<{ offset: number; anchored: boolean; gap?: LogBatch['gap'] }>
  /** Returns some of the batches after an offset; waits during failures of the database; empty if there are none, or on abort. */
  page(after: number, signal: AbortSignal): Promise<LogBatch[]>
}

/**
 * Reader of one partition of the in-process log. At the tail it gets batches from memory. If it falls behind further than its
 * window, it reads the table until it has caught up.
 */
export class Follower {
  readonly #partition: number
  readonly #source: FollowerSource
  readonly #observer: LogObserver
  readonly #collecting: Collecting
  /** Offset up to which everything was yielded or is in `#pending`. */
  #position = 0
  #anchored = false
  /** Gap before the next batch that is yielded. */
  #gap: LogBatch['gap']
  #pending: LogBatch[] = []
  #pendingBytes = 0
  #started = false
  #news: Deferred<void> | undefined

  constructor(partition: number, source: FollowerSource, observer: LogObserver, clock: Clock) {
    this.#partition = partition
    this.#source = source
    this.#observer = observer
    this.#collecting = new Collecting(clock)
  }

  /** Handles a batch that was stored. */
  offer(batch: LogBatch, bytes: number): void {
    // A batch that doesn't follow directly, or has no room, is read from the table later.
    if (this.#started && this.#position === batch.offset - 1 && this.#pendingBytes < windowBytes) {
      this.#pending.push(batch)
      this.#pendingBytes += bytes
      this.#position = batch.offset
    }
    this.#news?.resolve()
    if (this.#hasStep()) this.#collecting.end()
  }

  async *read(
    from: LogStart,
    signal: AbortSignal,
    { collect }: ReadOptions = {},
  ): AsyncGenerator<LogBatch[]> {
    const wake = () => {
      this.#news?.resolve()
      this.#collecting.end()
    }
    signal.addEventListener('abort', wake)
    try {
      const start = await this.#source.start(from)
      this.#position = start.offset
      this.#anchored = start.anchored
      this.#gap = start.gap
      this.#started = true
      while (!signal.aborted) {
        if (this.#pending.length > 0) {
          const step = this.#pending
          this.#pending = []
          this.#pendingBytes = 0
          yield this.#marked(step)
        } else if (this.#position < this.#source.last()) {
          const step = await this.#page(signal)
          if (step.length > 0) yield this.#marked(step)
        } else {
          this.#news = new Deferred()
          await this.#news.promise
          continue
        }
        if (!this.#hasStep() && !signal.aborted) await this.#collecting.wait(collect?.() ?? 0)
      }
    } finally {
      signal.removeEventListener('abort', wake)
    }
  }

  /** Whether there is enough for a whole step, in memory or in the table. */
  #hasStep(): boolean {
    return (
      this.#pendingBytes >= stepBytes || (this.#pending.length === 0 && this.#position < this.#source.last())
    )
  }

  /**
   * Returns the step with the gap, if there is one, on its first batch. Copies that batch, because other readers get the same.
   */
  #marked(step: LogBatch[]): LogBatch[] {
    const [first, ...others] = step
    const gap = this.#gap
    this.#gap = undefined
    return first === undefined || gap === undefined ? step : [{ ...first, gap }, ...others]
  }

  async #page(signal: AbortSignal): Promise<LogBatch[]> {
    const page = await this.#source.page(this.#position, signal)
    if (signal.aborted) return []
    // Ends before a hole, as a restored backup has one, so that the next page begins with the gap.
    const step = page.filter(({ offset }, index) => offset === (page[0]?.offset ?? 0) + index)
    // If there is nothing, retention has deleted all that this reader had not seen.
    const found = step[0]?.offset ?? this.#source.last() + 1
    if (this.#anchored && found !== this.#position + 1) {
      this.#observer.gap?.(this.#partition, this.#position + 1, found)
      this.#gap ??= { expected: this.#position + 1 }
    }
    this.#anchored = true
    this.#position = step.at(-1)?.offset ?? found - 1
    return step
  }
}
