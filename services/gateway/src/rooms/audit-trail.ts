import type { Clock, Timer } from '@rabble/clock'
import type { ErrorCode, User } from '@rabble/contract'
import type { AuditEntry, RoomsClient } from '@rabble/rooms/client'
import { TokenBucket } from '@rabble/service'
import type { Metrics } from '../metrics.ts'

/** How long (ms) entries are collected, if they don't fill a batch before, and until a batch is tried again. */
const interval = 1_000
/** Entries of one call, and those that may wait; more are counted only. */
const batchSize = 500
const maxWaiting = 2_000
/** Refused logins a second that are written down for long, and at once: who tries a million names must not fill it. */
const refusalsPerSecond = 20
const refusalsBurst = 100

/** What is known of who was not let in: the name that was asked for, or where it was asked for over HTTP. */
export interface RefusedEntry {
  code: ErrorCode
  gateway: string
  name?: string
  address?: string
}

/** Hands what moderators may want to read later to the rooms service, soon. */
export interface AuditTrail {
  /**
   * Whoever records much should wait for what is returned: until there is a place again, or the service can't be asked, in
   * which case nobody is held up and some entries will be missing.
   */
  record(entry: AuditEntry): Promise<void> | undefined
  /** Somebody was not let in; nobody knows who, without a token that says so. */
  refused(detail: RefusedEntry, user?: User): void
  /** Hands over what waits, if that can be done. */
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

  /** What is no batch any more waits for its time again, unless there will be none. */
  async function handBatches(): Promise<void> {
    try {
      do {
        const batch = waiting.slice(0, batchSize)
        await rooms.audit(batch)
        waiting = waiting.slice(batch.length)
        failing = false
      } while (waiting.length >= (closed ? 1 : batchSize))
    } catch {
      // Whether the service is there is told by its lease; the same batch again, later.
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
