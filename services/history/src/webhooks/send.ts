import { retryLogged } from '@rabble/service'
import { resumeReading } from '../projection/continuation.ts'
import { createPace, type Pace } from '../projection/pace.ts'
import { type Partition, retryForPartition } from '../projection/partition.ts'
import type { Position } from '../projection/projection.ts'
import { portionsOf, type WebhookRequest } from './portions.ts'
import { moveSent, sentPosition } from './position.ts'
import { post, WebhookFailure } from './post.ts'
import { isSent, type Webhook } from './webhook.ts'

const defaultBackoff = { first: 500, longest: 30_000 }
/** Interval (ms) at which the position is stored behind events that the receiver doesn't get. */
const storeInterval = 10_000
/** Pause (ms) before the log is read again after a failure. */
const rest = 1_000

/**
 * Sends the events of a partition to the webhook, one request after the other in the order of the log, until `signal` aborts.
 * The caller leads the partition, so nobody else does. Never rejects.
 */
export async function sendPartition(options: Partition, webhook: Webhook): Promise<void> {
  const { clock, logger, metrics, partition, signal } = options
  // Separate problems: history is ready whether the receiver is or not.
  const own = { ...options, problems: new Map<number, string>() }
  const pace = createPace(clock)
  while (!signal.aborted) {
    try {
      await sendOn(own, webhook, pace)
    } catch (error) {
      if (!signal.aborted)
        logger.error({ err: error, partition }, 'reading the log for the webhook failed; starting again')
    }
    metrics.webhookWaiting.delete(partition)
    await clock.sleep(rest, { signal })
  }
}

/** Sends what follows the stored position. Returns when somebody else has moved it, when the log was closed, or on abort. */
async function sendOn(options: Partition, webhook: Webhook, pace: Pace): Promise<void> {
  const { clock, database, log, logger, metrics, partition, signal } = options
  const wanted = (room: string) => isSent(webhook, room)
  let position = await retryForPartition(options, 'finding the position of the webhook', () =>
    sentPosition(database, partition, webhook.start),
  )
  let stored = position
  let storedAt = clock.monotonic()
  /** Stores the position. Returns false if somebody else has moved it. */
  const store = (to: Position) =>
    retryForPartition(options, 'storing the position of the webhook', () =>
      moveSent(database, partition, stored, to),
    )
  for (let isClosed = false; !isClosed && !signal.aborted; ) {
    const reading = new AbortController()
    const until = AbortSignal.any([signal, reading.signal])
    for await (const batches of resumeReading(log, partition, position, until, pace)) {
      pace.add(batches.reduce((sum, { entries }) => sum + entries.length, 0))
      for (const { request, to } of portionsOf(partition, position, batches, wanted)) {
        if (request !== undefined) await send(options, webhook, request, () => reading.abort())
        position = to
        const isDue = request !== undefined || clock.monotonic() - storedAt >= storeInterval
        if (!isDue || to === stored) continue
        if (!(await store(to))) {
          logger.info({ partition }, 'somebody else has moved the position of the webhook')
          return
        }
        stored = to
        storedAt = clock.monotonic()
      }
      metrics.webhookWaiting.delete(partition)
    }
    isClosed = !reading.signal.aborted
  }
}

/**
 * Sends a request until it is accepted. Calls `failed` if it is not at once: the reader of the log must not wait, since the broker
 * ends one that acknowledges nothing for half an hour.
 */
async function send(
  options: Partition,
  webhook: Webhook,
  request: WebhookRequest,
  failed: () => void,
): Promise<void> {
  const { clock, logger, metrics, partition, signal } = options
  if (request.gap !== undefined) {
    metrics.webhookGaps.inc()
    logger.error(
      { partition, ...request.gap },
      'the log no longer had the events that the webhook was to get next: its receiver is told',
    )
  }
  const at = Date.parse(request.oldest ?? '')
  const age = Number.isNaN(at) ? 0 : clock.now() - at
  metrics.webhookWaiting.set(partition, clock.monotonic() - Math.max(0, age))
  await retryLogged(() => post(webhook, request, { clock, signal }), {
    clock,
    signal,
    logger,
    backoff: webhook.backoff ?? defaultBackoff,
    doing: `sending the events of partition ${partition} to the webhook`,
    failed(error) {
      if (!signal.aborted && error instanceof WebhookFailure)
        metrics.webhookFailures.inc({ reason: error.reason })
      failed()
    },
  })
  metrics.webhookEvents.inc(request.events)
}
