import type { ErrorCode, User } from '@rabble/contract'
import type { AuditEntry, RoomsClient } from '@rabble/rooms/client'
import type { Metrics } from '../metrics.ts'
import { TokenBucket } from '../token-bucket.ts'

/** How long (ms) entries are collected. */
const interval = 1_000
/** Entries of one call, and those that may wait; more are counted only. */
const batchSize = 500
const mostWaiting = 2_000
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

/** Hands what moderators may want to read later to the rooms service: soon, and never in anybody's way. */
export interface AuditTrail {
  record(entry: AuditEntry): void
  /** Somebody was not let in; nobody knows who, without a token that says so. */
  refused(detail: RefusedEntry, user?: User): void
  /** Hands over what waits, if that can be done. */
  close(): Promise<void>
}

export function createAuditTrail(rooms: Pick<RoomsClient, 'audit'>, metrics: Metrics): AuditTrail {
  let waiting: AuditEntry[] = []
  let timer: NodeJS.Timeout | undefined
  let closed = false
  const refusals = new TokenBucket(refusalsPerSecond, refusalsBurst, performance.now())

  async function hand(): Promise<void> {
    const batch = waiting.slice(0, batchSize)
    try {
      await rooms.audit(batch)
      waiting = waiting.slice(batch.length)
    } catch {
      // Whether the service is there is told by its lease; the same batch again, later.
    }
    timer = undefined
    if (waiting.length > 0) schedule()
  }

  function schedule(): void {
    if (!closed) timer ??= setTimeout(() => void hand(), interval)
  }

  function record(entry: AuditEntry): void {
    if (waiting.length >= mostWaiting) {
      metrics.auditDropped.inc()
      return
    }
    waiting.push(entry)
    schedule()
  }

  return {
    record,
    refused(detail, user = { id: '', name: '' }) {
      // No user has an empty id.
      const entry = { actor: user, action: 'login.refused', detail: { ...detail } }
      if (refusals.take(performance.now()) === 0) record(entry)
      else metrics.auditDropped.inc()
    },
    async close() {
      closed = true
      clearTimeout(timer)
      if (waiting.length > 0) await hand()
    },
  }
}
