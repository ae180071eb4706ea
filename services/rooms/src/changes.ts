import { randomUUID } from 'node:crypto'
import { RabbleError, type Signal } from '@rabble/contract'
import { type Database, retried, transactionWithin } from '@rabble/database'
import { type Identity, requireCaller, sharersOf } from '@rabble/service'
import type { FastifyRequest } from 'fastify'
import { checkHourlyLimits, defaultHourlyLimits, recordAudit } from './audit.ts'
import { isModerator } from './authority.ts'
import { isBanned } from './bans.ts'
import type { AuditEntry } from './client.ts'
import type { RoutesOptions } from './options.ts'
import { type PolicyEntry, putPolicies } from './policies.ts'
import { createWork } from './work.ts'

/** One thing that somebody does, within a transaction. */
export interface Change {
  query: Database['query']
  caller: Identity
  /** What it leaves for moderators to read; anything but a `change` that changes nothing leaves something. */
  record(entry: Omit<AuditEntry, 'actor'>): void
  /** What gateways must know from now on. */
  policy(entry: PolicyEntry): void
  /** Puts a user out, of a room or everywhere, of each gateway once. */
  kick(kick: { user: string; room?: string; message: string }): void
  /** Sent after the commit; may be lost. */
  signal(signal: Signal): void
}

export interface Changes {
  /** Carries out what a request asks for. */
  run<Result>(
    request: FastifyRequest,
    action: string,
    work: (change: Change) => Promise<Result>,
  ): Promise<Result>
}

/** A few at a time: what people and scripts do by hand is not much, and gateways come first. */
const limits = { active: 2, waiting: 100, each: { active: 1, waiting: 50 }, deadline: 4_000 }

/**
 * Carries out changes: who asks, how much of it, what is recorded and told, all in one transaction, and gateways are told
 * once it is committed.
 */
export function createChanges(options: RoutesOptions): Changes {
  const { clock, database, log, tokens } = options
  const { allowedOrigins = new Set(), hourlyLimits = defaultHourlyLimits } = options
  const work = createWork(limits, options)

  async function commit<Result>(
    query: Database['query'],
    { caller, action }: { caller: Identity; action: string },
    what: (change: Change) => Promise<Result>,
  ): Promise<{ result: Result; signals: Signal[] }> {
    const entries: AuditEntry[] = []
    const policies: PolicyEntry[] = []
    const signals: Signal[] = []
    // Moderators too: whoever took over the account of one is stopped by another.
    if (await isBanned(query, caller.user.id)) throw new RabbleError('forbidden', 'this user is banned')
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
    await recordAudit(query, entries)
    const version = policies.length === 0 ? undefined : await putPolicies(query, policies)
    if (version !== undefined) signals.push({ type: 'policy', version })
    return { result, signals }
  }

  return {
    async run(request, action, what) {
      const caller = await requireCaller(request, { tokens, allowedOrigins })
      const { result, signals } = await work.run(
        action,
        (signal) =>
          retried(clock, signal, () =>
            transactionWithin(database, signal, (query) => commit(query, { caller, action }, what)),
          ),
        sharersOf(request.ip, caller.user.id),
      )
      for (const signal of signals) log.signal(signal)
      return result
    },
  }
}
