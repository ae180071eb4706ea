import type { Clock } from '@rabble/clock'
import { retryLogged } from '@rabble/service'
import { type Partition, retryForPartition } from '../projection/partition.ts'
import { createDelivery, type Delivery } from './deliver.ts'
import { type DuePush, duePushes } from './due.ts'
import { movePushed, pushedSequence, storedSequence } from './position.ts'
import type { Push } from './push.ts'
import { endUnconfirmed, recordAnswers } from './subscriptions.ts'

const defaultGrace = 5_000
const defaultInterval = 1_000
/** Maximum number of sequences that are looked at together, and of pushes that are sent together. */
const maxStep = 2_000
const maxTogether = 500
/** Interval (ms) at which old subscriptions are ended. */
const cleanInterval = 60 * 60_000

/**
 * Pushes the messages of a partition to the browsers of those whom they concern, in steps in the order of the log, until `signal`
 * aborts. The caller leads the partition, so nobody else does. Never rejects.
 */
export async function pushPartition(options: Partition, push: Push): Promise<void> {
  const { clock, logger, metrics, partition, signal } = options
  // Separate problems: history is ready whether pushes are sent or not.
  const own = { ...options, problems: new Map<number, string>() }
  const delivery = createDelivery(push, options)
  while (!signal.aborted) {
    try {
      await follow(own, push, delivery)
    } catch (error) {
      if (!signal.aborted) logger.error({ err: error, partition }, 'pushing failed; starting again')
    }
    metrics.pushWaiting.delete(partition)
    await clock.sleep(defaultInterval, { signal })
  }
}

/** Pushes what follows the stored position. Returns when somebody else has moved it, or on abort. */
async function follow(options: Partition, push: Push, delivery: Delivery): Promise<void> {
  const { clock, database, logger, metrics, partition, signal } = options
  const { grace = defaultGrace, interval = defaultInterval } = push
  const ripe = createRipening(clock, grace)
  const run = <Result>(doing: string, work: () => Promise<Result>) => retryForPartition(options, doing, work)
  let position = await run('finding the position of pushes', () => pushedSequence(database, partition))
  let cleanedAt = Number.NEGATIVE_INFINITY
  while (!signal.aborted) {
    if (partition === 0 && clock.monotonic() - cleanedAt >= cleanInterval) {
      await run('ending old subscriptions to pushes', () => endUnconfirmed(database))
      cleanedAt = clock.monotonic()
    }
    ripe.add(await run('looking for messages to push', () => storedSequence(database, partition)))
    const end = ripe.end()
    if (position < end) metrics.pushWaiting.set(partition, clock.monotonic())
    while (position < end && !signal.aborted) {
      const to = Math.min(end, position + maxStep)
      await pushStep(options, push, delivery, position, to)
      // The pushes that were under way are sent again after the next start.
      if (signal.aborted) return
      const from = position
      if (!(await run('storing the position of pushes', () => movePushed(database, partition, from, to)))) {
        logger.info({ partition }, 'somebody else has moved the position of pushes')
        return
      }
      position = to
    }
    metrics.pushWaiting.delete(partition)
    await clock.sleep(interval, { signal })
  }
}

/** Sends what is due of the sequences behind `after`, up to `until`. */
async function pushStep(
  options: Partition,
  push: Push,
  delivery: Delivery,
  after: number,
  until: number,
): Promise<void> {
  const { database, partition, signal } = options
  let behind: DuePush | undefined
  do {
    const asked = { partition, after, until, limit: maxTogether, behind }
    const due = await retryForPartition(options, 'looking up pushes', () => duePushes(database, asked))
    behind = due.length < maxTogether ? undefined : due.at(-1)
    if (due.length === 0) return
    const answers = await delivery.send(await readableOf(options, push, due))
    await retryForPartition(options, 'recording pushes', () => recordAnswers(database, answers))
  } while (behind !== undefined && !signal.aborted)
}

/** Returns the pushes to users who may still read the room. While that is not known, all wait. */
async function readableOf(options: Partition, push: Push, due: readonly DuePush[]): Promise<DuePush[]> {
  const { clock, logger, partition, signal } = options
  const roomsOf = new Map<string, Set<string>>()
  for (const { user, room } of due) roomsOf.set(user, (roomsOf.get(user) ?? new Set()).add(room))
  const readable = new Map<string, ReadonlySet<string>>()
  for (const [user, rooms] of roomsOf) {
    const found = await retryLogged(() => push.readable(user, [...rooms]), {
      clock,
      signal,
      logger,
      doing: `checking who may read what is to be pushed of partition ${partition}`,
    })
    readable.set(user, found)
  }
  return due.filter(({ user, room }) => readable.get(user)?.has(room) === true)
}

interface Ripening {
  /** Records that this sequence is stored now. */
  add(sequence: number): void
  /** Returns the last sequence that was stored for the whole time. */
  end(): number
}

/** Tells what has been stored for some time (ms). It is measured here, so other clocks don't matter. */
function createRipening(clock: Clock, grace: number): Ripening {
  const waiting: { sequence: number; at: number }[] = []
  let ripe = 0
  return {
    add(sequence) {
      if (sequence > (waiting.at(-1)?.sequence ?? ripe)) waiting.push({ sequence, at: clock.monotonic() })
    },
    end() {
      while (waiting[0] !== undefined && clock.monotonic() - waiting[0].at >= grace) {
        ripe = waiting[0].sequence
        waiting.shift()
      }
      return ripe
    },
  }
}
