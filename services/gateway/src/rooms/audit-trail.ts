import type { Clock, Timer } from '@rabble/clock'
import type { ErrorCode, User } from '@rabble/contract'
import type { AuditEntry, RoomsClient } from '@rabble/rooms/client'
import { TokenBucket } from '@rabble/service'
import type { Metrics } from '../metrics.ts'

/** Time (ms) for which entries are collected if they do not fill a batch sooner, and after which a batch is retried. */
const interval = 1_000
/** Maximum number of entries in one call, and of entries that wait. Further ones are only counted. */
const batchSize = 500
const maxWaiting = 2_000
/** Maximum rate (a second) and burst of recorded refusals, so that a million attempts do not fill the audit. */
const refusalsPerSecond = 20
const refusalsBurst = 100

/** Facts about a refused client: the name that it asked for, or its address over HTTP. */
export interface RefusedEntry {
  code: ErrorCode
  gateway: string
  name?: string
  address?: string
}

/** Passes entries that moderators may want to read to the rooms service, in batches. */
export interface AuditTrail {
  /**
   * Records an entry. A caller with many entries should wait for the returned promise, which resolves when there may be space
   * again. It is undefined while there is space, and while the service does not answer: no caller is held up then, and entries
   * may be dropped.
   */
  record(entry: AuditEntry): Promise<void> | undefined
  /** Records a refusal. `user` is known only if a token proved it. */
  refused(detail: RefusedEntry, user?: User): void
  /** Passes on the waiting entries, if the service answers. */
  close(): Promise<void>
}

export function createAuditTrail(options: {
  rooms: Pick<RoomsClient, 'audit'>
  clock: Clock
  metrics: Metrics
}): AuditTrail {
  const { rooms, clock, metrics } = options
  let waiting: AuditEntry[] = []
  let timer: Timer | undefined
  let handing: Promise<void> | undefined
  let failing = false
  let closed = false
  const refusals = new TokenBucket(refusalsPerSecond, refusalsBurst, clock.monotonic())

  /** Passes on full batches, and leaves the rest to the timer. A closed trail passes on the rest, too. */
  async function handBatches(): Promise<void> {
    try {
      do {
        const batch = waiting.slice(0, batchSize)
        await rooms.audit(batch)
        waiting = waiting.slice(batch.length)
        failing = false
      } while (waiting.length >= (closed ? 1 : batchSize))
    } catch {
      // The lease reports an outage of the service. The same batch is retried later.
      failing = true
    }
  }

  function hand(): Promise<void> {
    timer?.cancel()
    timer = undefined
    handing ??= handBatches().finally(() => {
      handing = undefined
      schedule()
    })
    return handing
  }

  function schedule(): void {
    if (closed || handing !== undefined || waiting.length === 0) return
    if (waiting.length >= batchSize && !failing) void hand()
    else timer ??= clock.setTimeout(() => void hand(), interval)
  }

  function record(entry: AuditEntry): Promise<void> | undefined {
    if (waiting.length >= maxWaiting) {
      metrics.auditDropped.inc()
      return undefined
    }
    waiting.push(entry)
    schedule()
    return waiting.length > maxWaiting / 2 && !failing ? handing : undefined
  }

  return {
    record,
    refused(detail, user = { id: '', name: '' }) {
      // No user has an empty id.
      const entry = { actor: user, action: 'login.refused', detail: { ...detail } }
      if (refusals.take(clock.monotonic()) === 0) void record(entry)
      else metrics.auditDropped.inc()
    },
    async close() {
      closed = true
      timer?.cancel()
      if (waiting.length > 0) await hand()
    },
  }
}
