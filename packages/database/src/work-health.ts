import type { Clock } from '@rabble/clock'
import { sqlState } from './failure.ts'

/** Milliseconds for which a failure counts unless the same work succeeds: perhaps nobody does it again. */
const memory = 20_000
/** The same for damage. Work that succeeds doesn't end it, since it need not touch the damaged part. */
const memoryOfDamage = 60_000

/*
 * SQLSTATE classes (PostgreSQL manual, appendix A): XX is damage, and 58030 a file that can't be read. 25006 is a server that is
 * read-only, 55P03 and 57014 a lock or an answer that didn't come in time, 42501 and 42P01 a table that is forbidden or
 * missing, 53100 a full disk. A connection that is lost or refused is not among them: the check of the database tells of it.
 */
const damage = /^(?:XX...|58030)$/
const failure = /^(?:25006|55P03|57014|42501|42P01|53100|58...)$/

/**
 * Knows from work that is done anyway whether the database can do it, which "select 1" doesn't tell: tables may be locked,
 * read-only or damaged.
 */
export interface WorkHealth {
  /** Notes how work of a kind ended: by an error, or well. */
  ended(name: string, error?: unknown): void
  /** Returns why work fails, or undefined: for a readiness check. */
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
