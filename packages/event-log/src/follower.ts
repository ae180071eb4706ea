import type { LogBatch, LogObserver, LogStart } from './event-log.ts'

/** Bytes that one step yields at most, if it has a choice, and that wait in memory for one slow reader. */
export const stepBytes = 512 * 1024
const windowBytes = 8 * 1024 * 1024

/** Where a follower reads what is no longer, or not yet, in memory. */
export interface FollowerSource {
  /** The offset of the newest batch. */
  last(): number
  /** The offset after which to start; `anchored` if there must be nothing missing after it, `gap` if there is. */
  start(from: LogStart): Promise<{ offset: number; anchored: boolean; gap?: LogBatch['gap'] }>
  /** Some of what follows an offset; waits out failures of the database; empty if there is nothing, or on abort. */
  page(after: number, signal: AbortSignal): Promise<LogBatch[]>
}

/**
 * One reader of one partition of the in-process log. At the tail it gets batches from memory; one that falls behind
 * further than its window reads the table until it has caught up.
 */
export class Follower {
  readonly #partition: number
  readonly #source: FollowerSource
  readonly #observer: LogObserver
  /** The offset up to which everything was yielded or waits in `#pending`. */
  #position = 0
  #anchored = false
  /** What was missed before the next batch that is yielded. */
  #gap: LogBatch['gap']
  #pending: LogBatch[] = []
  #pendingBytes = 0
  #started = false
  #wake: (() => void) | undefined

  constructor(partition: number, source: FollowerSource, observer: LogObserver) {
    this.#partition = partition
    this.#source = source
    this.#observer = observer
  }

  /** A batch was stored. */
  offer(batch: LogBatch, bytes: number): void {
    // What doesn't follow directly, or has no room, is read from the table when its turn comes.
    if (this.#started && this.#position === batch.offset - 1 && this.#pendingBytes < windowBytes) {
      this.#pending.push(batch)
      this.#pendingBytes += bytes
      this.#position = batch.offset
    }
    this.#wake?.()
  }

  async *read(from: LogStart, signal: AbortSignal): AsyncGenerator<LogBatch[]> {
    const wake = () => this.#wake?.()
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
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
        }
      }
    } finally {
      signal.removeEventListener('abort', wake)
    }
  }

  /** With the gap on its first batch, if there is one. A copy, because others get the same batches. */
  #marked(step: LogBatch[]): LogBatch[] {
    const [first, ...others] = step
    const gap = this.#gap
    this.#gap = undefined
    return first === undefined || gap === undefined ? step : [{ ...first, gap }, ...others]
  }

  async #page(signal: AbortSignal): Promise<LogBatch[]> {
    const step = await this.#source.page(this.#position, signal)
    if (signal.aborted) return []
    // If there is nothing after all, retention took all that this reader had not seen.
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
