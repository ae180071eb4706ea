import type { Lease } from '@rabble/database'
import { type Partition, retryForPartition } from '../projection/partition.ts'
import { writePartition } from '../projection/writer.ts'
import { pushPartition } from '../push/follow.ts'
import type { Push } from '../push/push.ts'
import { sendPartition } from '../webhooks/send.ts'
import type { Webhook } from '../webhooks/webhook.ts'
import { type RetainOptions, retain } from './retention.ts'

export interface IngestOptions extends Omit<Partition, 'partition' | 'problems' | 'signal'>, RetainOptions {
  /** Time (ms) between two checks whether the leader is still there. Default: 1 s. */
  standby?: number
  /** Receiver of the events. Default: none. */
  webhook?: Webhook
  /** Pushes to browsers. Default: none. */
  push?: Push | undefined
}

export interface Ingest {
  /** Returns why messages are not written to the database now; undefined if they are, or if another replica writes them. */
  problem(): string | undefined
  /** Resolves when the steps under way are written or given up. The next start reads them again. */
  close(): Promise<void>
}

/** Projects the log into the database, each partition from its position, until closed. Needs the migrations. */
export function startIngest(options: IngestOptions): Ingest {
  const stop = new AbortController()
  const problems = new Map<number, string>()
  const partitions = Array.from({ length: options.log.partitions }, (_, partition) =>
    follow({ ...options, partition, problems, signal: stop.signal }),
  )
  return {
    problem: () => [...problems].map(([partition, reason]) => `partition ${partition}: ${reason}`)[0],
    async close() {
      stop.abort()
      await Promise.all(partitions)
    },
  }
}

type Follow = Partition & Pick<IngestOptions, keyof RetainOptions | 'standby' | 'webhook' | 'push'>

/**
 * Leads a partition whenever no other replica does, until `signal` aborts. Only the leader reads and writes the partition. The
 * others check every second whether the lease is free: at once after `kill -9`, after 5 seconds if the leader is frozen or cut
 * off (see `Database.lease`).
 */
async function follow(options: Follow): Promise<void> {
  const { partition, problems, signal, logger, metrics, standby = 1_000 } = options
  problems.set(partition, 'starting')
  metrics.leader.set({ partition }, 0)
  while (!signal.aborted) {
    const lease = await election(options).catch(() => undefined)
    problems.delete(partition)
    if (lease === undefined) {
      if (!signal.aborted) metrics.standBy(partition)
      await pause(options, standby)
      continue
    }
    logger.info({ partition }, 'this replica writes the partition now')
    metrics.leader.set({ partition }, 1)
    try {
      await lead(options, lease)
    } catch (error) {
      // Or it was aborted: events that were not written are in the log, and the next leader finds its position in the database.
      if (!signal.aborted && !lease.ended.aborted) {
        logger.error({ err: error, partition }, 'reading the log failed; starting again')
        problems.set(partition, `reading the log: ${(error as Error).message}`)
      }
    }
    if (lease.ended.aborted) {
      logger.info(
        { partition, reason: String(lease.ended.reason) },
        'this replica no longer writes the partition',
      )
    }
    metrics.stepDown(partition)
    await lease.release()
    await pause(options, standby)
  }
}

/** @throws the error of the database, once `signal` aborts */
function election(options: Follow): Promise<Lease | undefined> {
  const { partition, database } = options
  return retryForPartition(options, 'looking up the writer', () => database.lease(`history ${partition}`))
}

/**
 * Writes the partition until the lease ends or writing fails. Deletes old messages, and sends events to the webhook and pushes to
 * browsers meanwhile: what elects the writer also keeps a second replica from sending.
 */
async function lead(options: Follow, lease: Lease): Promise<void> {
  const failed = new AbortController()
  const signal = AbortSignal.any([options.signal, lease.ended, failed.signal])
  const retaining = retain({ ...options, signal }, options)
  const sending = options.webhook && sendPartition({ ...options, signal }, options.webhook)
  const pushing = options.push && pushPartition({ ...options, signal }, options.push)
  try {
    await writePartition({ ...options, signal })
  } finally {
    failed.abort()
    await Promise.all([retaining, sending, pushing])
  }
}

function pause({ clock, signal }: Follow, milliseconds: number): Promise<void> {
  return clock.sleep(milliseconds * (1 + Math.random() / 2), { signal })
}
