import { randomUUID } from 'node:crypto'
import type { Clock } from '@rabble/clock'
import { RabbleError, type Signal } from '@rabble/contract'
import { type Database, retried, transactionWithin } from '@rabble/database'
import { createRates, type Identity, isModerator, networkOf, requireCaller, sharersOf } from '@rabble/service'
import type { FastifyRequest } from 'fastify'
import type { AuditEntry } from '../api.ts'
import { checkHourlyLimits, defaultHourlyLimits, type HourlyLimits, recordAudit } from '../audit/audit.ts'
import type { RoutesOptions } from '../options.ts'
import { checkPolicies, type PolicyEntry, putPolicies } from '../policies/policies.ts'
import { isBanned } from './bans.ts'
import { createWork } from './bounded-queries.ts'

/** One action of a user, within a transaction. */
export interface Change {
  query: Database['query']
  caller: Identity
  /** Records an entry for moderators. Every action that changes something records one. */
  record(entry: Omit<AuditEntry, 'actor'>): void
  /** Changes a policy, which gateways must know. */
  policy(entry: PolicyEntry): void
  /** Kicks a user from a room or everywhere, once on each gateway. */
  kick(kick: { user: string; room?: string; message: string }): void
  /** Sends a signal after the commit. It may be lost. */
  signal(signal: Signal): void
}

export interface Changes {
  /**
   * Carries out what a request asks for, within a transaction. `evenBanned`: also for a user who is banned everywhere; default: false.
   */
  run<Result>(
    request: FastifyRequest,
    action: string,
    work: (change: Change) => Promise<Result>,
    options?: { evenBanned?: boolean },
  ): Promise<Result>
}

/** Number of users whose limits one address may use up: guests can create as many users as they like. */
const actorsPerAddress = 4

/**
 * Limits the actions from each address. Returns a function that counts one action of an address.
 * @throws RabbleError `rate-limited`
 */
export function limitActs(
  { acts }: HourlyLimits = defaultHourlyLimits,
  clock: Clock,
): (address: string) => void {
  const burst = actorsPerAddress * acts
  const rates = createRates({ perSecond: burst / 3600, burst }, clock)
  return (address) => {
    const retryAfter = rates.take(networkOf(address))
    if (retryAfter === 0) return
    const message = `no more than ${burst} such changes an hour from one address`
    throw new RabbleError('rate-limited', message, { retryAfter })
  }
}

/** A few at a time: manual and scripted changes are rare, and gateways come first. */
const limits = { active: 2, waiting: 100, each: { active: 1, waiting: 50 }, deadline: 4_000 }

/**
 * Carries out changes. One transaction checks the caller and the rate, makes the change, and records it with its policies.
 * Gateways are signalled after the commit.
 */
export function createChanges(options: RoutesOptions): Changes {
  const { checkAddress, clock, database, log, tokens } = options
  const { allowedOrigins = new Set(), hourlyLimits = defaultHourlyLimits } = options
  const work = createWork(limits, options)

  async function commit<Result>(
    query: Database['query'],
    { caller, action, evenBanned }: { caller: Identity; action: string; evenBanned: boolean },
    what: (change: Change) => Promise<Result>,
  ): Promise<{ result: Result; signals: Signal[] }> {
    const entries: AuditEntry[] = []
    const policies: PolicyEntry[] = []
    const signals: Signal[] = []
    // Moderators too: another moderator can stop somebody who took over a moderator's account.
    if (!evenBanned && (await isBanned(query, caller.user.id))) {
      throw new RabbleError('forbidden', 'this user is banned')
    }
    if (!isModerator(caller)) await checkHourlyLimits(query, caller.user.id, action, hourlyLimits)
    const result = await what({
      query,
      caller,
      record: (entry) => entries.push({ actor: caller.user, ...entry }),
      policy: (entry) => policies.push(entry),
      kick(kick) {
        const id = randomUUID()
        signals.push({ type: 'kick', id, ...kick })
        policies.push({ key: `kick:${id}`, policy: { kind: 'kick', id, ...kick } })
      },
      signal: (signal) => signals.push(signal),
    })
    if (!isModerator(caller)) await checkPolicies(query, policies)
    await recordAudit(query, entries)
    const version = policies.length === 0 ? undefined : await putPolicies(query, policies)
    if (version !== undefined) signals.push({ type: 'policy', version })
    return { result, signals }
  }

  return {
    async run(request, action, what, { evenBanned = false } = {}) {
      const caller = await requireCaller(request, { tokens, allowedOrigins })
      if (!isModerator(caller)) checkAddress(request.ip)
      const { result, signals } = await work.run(
        action,
        (signal) =>
          retried(clock, signal, () =>
            transactionWithin(database, signal, (query) =>
              commit(query, { caller, action, evenBanned }, what),
            ),
          ),
        sharersOf(request.ip, caller.user.id),
      )
      for (const signal of signals) log.signal(signal)
      return result
    },
  }
}
