import { systemClock } from '@rabble/clock'
import type { ManualClock } from '@rabble/clock/manual'
import type { LogEvent } from '@rabble/contract'
import type { Test } from 'tap'
import type { EventLog, LogBatch, LogObserver, LogStart, PublishLimits, ReadOptions } from '../event-log.ts'

export interface OpenOptions {
  partitions?: number
  limits?: Partial<PublishLimits>
  observer?: LogObserver
}

/** One log, empty at first, and the operations of a test on it. */
export interface LogFixture {
  /** Opens a handle on the log, which is closed at teardown at the latest. All calls open the same log. */
  open(options?: OpenOptions): Promise<EventLog>
  /** Writes text into partition 0, past the handles, as a foreign publisher might. */
  inject(text: string): Promise<void>
  /** Stops all answers of the log's broker or database until `thaw`. */
  freeze(): void
  thaw(): void
  /** Clock of the log, if tests may move it. Without it they wait in real time. */
  clock?: ManualClock
}

/** Creates a fixture for one test. */
export type MakeFixture = (t: Test) => Promise<LogFixture>

/** Limits (ms) for tests of other things: a broker that is slow on a busy machine refuses nothing. */
export const longTimeouts: Partial<PublishLimits> = { publishTimeout: 120_000 }
/** The same for a clock that `during` moves, which is faster. */
export const movedLimits: Partial<PublishLimits> = { publishTimeout: 3_600_000 }

/**
 * Lets time pass until new events are younger than the earlier ones. RabbitMQ takes an age in whole seconds, and its clock can't
 * be moved: these tests wait for one second, and another one because a second is rounded up.
 */
export async function twoSeconds(clock: ManualClock | undefined): Promise<void> {
  await (clock === undefined ? systemClock.sleep(2000) : clock.advance(2000))
}

/**
 * Waits for work that needs pauses as well as I/O, such as another attempt. Meanwhile time passes on the clock, five times as
 * fast as on the machine.
 */
export async function during<Result>(clock: ManualClock | undefined, work: Promise<Result>): Promise<Result> {
  let over = clock === undefined
  const passing = (async () => {
    while (!over) {
      await clock?.advance(50)
      await systemClock.sleep(10)
    }
  })()
  try {
    return await work
  } finally {
    over = true
    await passing
  }
}

/** Returns an event of a type that version 1 doesn't know, with a text, so that it has a size. */
export function event(id: string, room = 'general', text = 'hi'): LogEvent {
  const fields = { type: 'example', room, id, text }
  return fields
}

/** Events that one reader has seen so far. */
export interface Followed {
  batches: LogBatch[]
  /** Number of batches of each step. */
  steps: number[]
  /** Lines, copied on arrival. */
  lines: string[]
  ids(): string[]
  /** Resolves once the reader has seen this number of events. */
  seen(count: number): Promise<void>
  /** Ends the reader. Resolves when it has ended. */
  end(): Promise<void>
}

/** Reads in the background until the test ends. */
export function follow(
  t: Test,
  log: EventLog,
  from: LogStart,
  partition = 0,
  options: ReadOptions = {},
): Followed {
  const stop = new AbortController()
  const waiters: { count: number; resolve: () => void }[] = []
  const followed: Followed = {
    batches: [],
    steps: [],
    lines: [],
    ids: () => followed.batches.flatMap(({ entries }) => entries.map(({ event }) => event.id)),
    seen(count) {
      return new Promise((resolve) => {
        if (followed.lines.length >= count) resolve()
        else waiters.push({ count, resolve })
      })
    },
    end() {
      stop.abort()
      return reading
    },
  }

  async function read(): Promise<void> {
    for await (const step of log.read(partition, from, stop.signal, options)) {
      followed.steps.push(step.length)
      for (const batch of step) {
        followed.batches.push(batch)
        for (const { line } of batch.entries) followed.lines.push(line.toString())
      }
      for (const { count, resolve } of waiters) if (followed.lines.length >= count) resolve()
    }
  }

  const reading = read()
  t.teardown(() => followed.end())
  return followed
}

/** Whether the offsets of batches grow, as they must in all cases. */
export function offsetsGrow(batches: readonly LogBatch[]): boolean {
  return batches.every(({ offset }, i) => i === 0 || offset > (batches[i - 1]?.offset ?? offset))
}

/**
 * Publishes an event until the log has taken it, with a pause after each failure: a closed log refuses at once, and without the
 * pause nothing else would run.
 */
export async function publishSurely(log: EventLog, event: LogEvent, failed = () => {}): Promise<void> {
  while ((await codeOf(log.publish(event))) !== undefined) {
    failed()
    await systemClock.sleep(5)
  }
}

/** Returns the code of a promise's rejection; undefined if it resolves. */
export async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
    return undefined
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error
  }
}
