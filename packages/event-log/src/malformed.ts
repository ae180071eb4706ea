import type { Logger, LogObserver } from './event-log.ts'

/** Counts skipped input, and logs the first of each kind: a log full of it must not fill the process's log. */
export class Malformed {
  readonly #observer: LogObserver
  readonly #logger: Logger | undefined
  readonly #told = new Set<string>()

  constructor(observer: LogObserver, logger: Logger | undefined) {
    this.#observer = observer
    this.#logger = logger
  }

  /** Counts a line of a batch, or a whole message of the log. */
  line(partition: number, offset: number): void {
    this.#observer.malformed?.(partition, offset)
    this.#tell('a line of the log is no event and is skipped; others will only be counted', {
      partition,
      offset,
    })
  }

  /** Counts a signal; `error` says what is wrong, if that is known. */
  signal(error?: unknown): void {
    this.#observer.malformedSignal?.()
    this.#tell('a signal is malformed and is skipped; others will only be counted', { err: error })
  }

  #tell(sentence: string, fields: object): void {
    if (this.#told.has(sentence)) return
    this.#told.add(sentence)
    this.#logger?.warn(fields, sentence)
  }
}
