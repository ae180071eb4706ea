import type { Clock } from '@rabble/clock'
import { sqlState } from './failure.ts'

/** Time (ms) for which a failure counts unless the same work succeeds: it may never be tried again. */
const memory = 20_000
/** Time (ms) for which damage counts. Work that succeeds doesn't end it, since it may not use the damaged part. */
const memoryOfDamage = 60_000

/*
 * SQLSTATE classes (PostgreSQL manual, appendix A). XX: damage; 58030: an unreadable file. 25006: a read-only server; 55P03 and
 * 57014: a lock or an answer that was too late; 42501 and 42P01: a forbidden or missing table; 53100: a full disk. Lost and
 * refused connections are absent: the check of the database reports them.
 */
const damage = /^(?:XX...|58030)$/
const failure = /^(?:25006|55P03|57014|42501|42P01|53100|58...)$/

/**
 * Detects from regular work whether the database can do it. "select 1" doesn't show that: tables may be locked, read-only or
 * damaged.
 */
export interface WorkHealth {
  /** Records how work of a kind ended: with an error, or successfully. */
  ended(name: string, error?: unknown): void
  /** Returns the reason why work fails, or undefined. For a readiness check. */
  problem(): string | undefined
}

export function createWorkHealth(clock: Clock): WorkHealth {
  const failing = new Map<string, { until: number; isDamage: boolean; message: string }>()

  return {
    ended(name, error) {
      const state = sqlState(error) ?? ''
      const isDamage = damage.test(state)
      if (isDamage || failure.test(state)) {
        const until = clock.monotonic() + (isDamage ? memoryOfDamage : memory)
        failing.set(name, { until, isDamage, message: (error as Error).message })
      } else if (error === undefined && failing.get(name)?.isDamage === false) {
        failing.delete(name)
      }
    },
    problem() {
      for (const [name, { until, message }] of failing) {
        if (clock.monotonic() < until) return `${name} fails: ${message}`
        failing.delete(name)
      }
      return undefined
    },
  }
}
