import { isChatEvent } from '@rabble/contract/parse'
import type { LogBatch } from '@rabble/event-log'
import type { Span } from '@rabble/service'
import type { HistoryMetrics } from '../metrics.ts'
import { resumeReading } from './continuation.ts'
import { createPace } from './pace.ts'
import { type Partition, retryForPartition } from './partition.ts'
import { countGaps, type Position, project, readPosition, type StepResult } from './projection.ts'
import { type CountedStep, defaultStepLimits, stepsOf } from './step.ts'
import { isUnstorable } from './unstorable.ts'

/**
 * Reads a partition from its position in the database, and writes it. Returns when another replica has moved the position, when
 * the log was closed, or on abort.
 */
export async function writePartition(options: Partition): Promise<void> {
  const { clock, log, database, metrics, partition, problems, signal, logger } = options
  let position = await retryForPartition(options, 'finding the position', () =>
    readPosition(database, partition),
  )
  if (position.offset !== null) metrics.position.set({ partition }, position.offset)
  await recount(options)
  metrics.pending.delete(partition)
  problems.delete(partition)
  const pace = createPace(clock)
  const limits = options.limits ?? defaultStepLimits[database.kind]
  for await (const batches of resumeReading(log, partition, position, signal, pace)) {
    if (position.offset === null) tellBeginning(options, batches)
    let events = batches.reduce((sum, { entries }) => sum + entries.length, 0)
    pace.add(events)
    for (const step of stepsOf(partition, position, batches, limits)) {
      metrics.pendingEvents.set({ partition }, events)
      const spans = startSpans(options, step)
      if (!(await take(options, step))) {
        // The caller tries again later, so as not to disturb the other replica at each step.
        logger.info({ partition }, 'somebody else has moved the position of this partition')
        return
      }
      for (const span of spans) span.end()
      position = { offset: step.to, lastId: step.toId }
      events -= step.events
      if (signal.aborted) return
    }
    metrics.pending.delete(partition)
    metrics.pendingEvents.set({ partition }, 0)
  }
}

/** Starts a span for each traced event of a step. It lasts as long as the transaction. */
function startSpans({ tracing }: Partition, { traces = [], events }: CountedStep): Span[] {
  if (tracing === undefined) return []
  const attributes = {
    'messaging.system': 'rabble',
    'messaging.operation.type': 'process',
    'messaging.batch.message_count': events,
  }
  return traces.flatMap((traceparent) => tracing.follow(traceparent, 'project', 'consumer', attributes) ?? [])
}

/** Age (ms) of a message beyond which a log is not new. */
const old = 60_000

/** Logs an error if the database holds nothing although the log is old: the database may have been lost. */
function tellBeginning({ clock, partition, logger }: Partition, batches: readonly LogBatch[]): void {
  const [oldest] = batches.flatMap(({ entries }) =>
    entries.flatMap(({ event }) => (isChatEvent(event) ? event : [])),
  )
  const at = Date.parse(oldest?.at ?? '')
  if (!(clock.now() - at > old)) return
  logger.error(
    { partition, oldest: new Date(at).toISOString() },
    'the database has nothing of this partition, but the log is old: if history ran before, its database was lost, and with it all that the log no longer has',
  )
}

/** Writes a step, however long that takes. Returns false if another replica has moved the position. */
async function take(options: Partition, step: CountedStep): Promise<boolean> {
  const { clock, database, metrics, partition, logger } = options
  const oldest = oldestOf(step)
  if (oldest !== undefined) metrics.pending.set(partition, clock.monotonic() - (clock.now() - oldest))
  const end = metrics.transactionSeconds.startTimer()
  let careful = false
  const result = await retryForPartition(options, 'writing messages', async () => {
    try {
      return await project(database, step, { careful })
    } catch (error) {
      if (careful || !isUnstorable(error)) throw error
      careful = true
      logger.error({ err: error, partition }, 'an event was refused; writing the events one by one')
      return project(database, step, { careful })
    }
  })
  end()
  if (result === undefined) {
    // Caused by a commit of this replica whose answer was lost, or by another replica that wrote the same step.
    const found = await retryForPartition(options, 'finding the position', () =>
      readPosition(database, partition),
    )
    return isAt(found, step)
  }
  count(metrics, step, result)
  if (oldest !== undefined) metrics.delaySeconds.observe(Math.max(0, clock.now() - oldest) / 1000)
  if (step.gap !== undefined) {
    logger.error(
      { partition, ...step.gap },
      'the log no longer had the events behind the position: messages may be missing permanently',
    )
    metrics.gaps.inc()
    await recount(options)
  }
  if (result.refused > 0) {
    logger.error({ partition, offset: step.to, refused: result.refused }, 'events were set aside')
  }
  return true
}

function isAt({ offset, lastId }: Position, step: CountedStep): boolean {
  return offset === step.to && lastId === step.toId
}

async function recount(options: Partition): Promise<void> {
  const { database, metrics, partition } = options
  const gaps = await retryForPartition(options, 'counting the gaps', () => countGaps(database, partition))
  metrics.recordedGaps.set({ partition }, gaps)
}

function count(
  metrics: HistoryMetrics,
  step: CountedStep,
  { messages, changes, personal, refused }: StepResult,
): void {
  metrics.rows.inc(messages)
  metrics.changes.inc({ type: 'edit' }, changes.edit)
  metrics.changes.inc({ type: 'delete' }, changes.delete)
  metrics.changes.inc({ type: 'reaction' }, changes.reaction)
  metrics.ignoredChanges.inc(changes.added - changes.edit - changes.delete - changes.reaction)
  metrics.refused.inc(refused)
  metrics.duplicates.inc(step.entries.length - messages - changes.added - personal - refused)
  metrics.personal.inc(personal)
  metrics.skipped.inc(step.events - step.entries.length)
  metrics.stepEvents.observe(step.events)
  metrics.position.set({ partition: step.partition }, step.to)
}

/** Returns the time (ms since 1970) of the first event of a step; undefined if it has no valid one. */
function oldestOf(step: CountedStep): number | undefined {
  const at = Date.parse(step.entries[0]?.event.at ?? '')
  return Number.isNaN(at) ? undefined : at
}
