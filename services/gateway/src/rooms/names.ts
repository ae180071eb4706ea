import type { Clock, Timer } from '@rabble/clock'
import { RabbleError, type User } from '@rabble/contract'
import { newGuestId } from '@rabble/contract/ids'
import type { ClaimedName, NameClaim, Refusal, RoomsClient } from '@rabble/rooms/client'
import type { Lease } from './lease.ts'
import { createSpacing } from './spacing.ts'

/** Maximum number of names that one call claims and releases. */
const batchSize = 500
/** Maximum number of guests that wait for a name. */
const maxWaiting = 20_000
/**
 * Time (ms) that a guest waits for a name: less than the 5 s that the SDK waits for an answer to hello. A user with a token,
 * which proves the name, waits for the short time.
 */
const timeout = 4_000
const shortTimeout = 2_000
/** Time (ms) for which the name of a guest who vanished is kept for the holder of its token. */
const keep = 30_000
/** Time (ms) between two searches for names that end soon. */
const sweepInterval = 60_000
/** Time (ms) before its end at which a name is claimed again. It is longer than the clocks of services may differ. */
const margin = 30 * 60_000

/**
 * Names of the users who are here, where guests may enter. A guest holds a name for as long as it has a session here. The service
 * keeps the name of an account until its token expires.
 */
export interface Names {
  /**
   * Claims a name for a new guest or, with the id in a token, for the user who had it before.
   * @throws RabbleError with the reason of the refusal, `unavailable` if the service did not answer
   */
  claim(claim: NameClaim): Promise<ClaimedName>
  /** Notes a session of this user, or another token of it. `account`: as in its claim. */
  arrived(user: User, account?: number): void
  /**
   * Notes that a session of the user has ended. `clean`: it will not come back. The name is kept while there is another session.
   */
  gone(user: User, clean: boolean): void
  /** Claims all names again, under a new lease. */
  forget(): void
  /** Makes the calls that wait: the service answers. */
  resume(): void
  /** Rejects the claims that wait: the service is down. */
  failPending(): void
  readonly held: number
  close(): void
}

/** A user at this gateway, and its name. */
interface Holder {
  user: User
  /** Time at which the token of an account expires (ms since 1970). */
  account?: number | undefined
  present: boolean
  /** Time (ms, by `monotonic`) until which the name is held; undefined if it must be claimed first. */
  until: number | undefined
  /** Timer that releases the name of a user who has gone. */
  leaving?: Timer
}

interface Claiming {
  claim: NameClaim & { user: string }
  /** Whether the client still waits for the answer. */
  waits: boolean
  settle(outcome: ClaimedName | RabbleError): void
}

export function createNames(options: {
  rooms: Pick<RoomsClient, 'names'>
  gateway: string
  lease: Pick<Lease, 'held' | 'down' | 'use'>
  /** Whether the user has a session here. */
  isThere: (user: User) => boolean
  /** Called when the name of a present guest belongs to another user. */
  lost: (user: User, refusal: Refusal) => void
  clock: Clock
}): Names {
  const { rooms, gateway, lease, isThere, lost, clock } = options
  const holders = new Map<string, Holder>()
  /** Claims of clients that say hello, in the order of asking. */
  const waiting = new Set<Claiming>()
  /** Ids of users whose names must be claimed again, and of users who are gone. */
  const again = new Set<string>()
  const release = new Set<string>()
  let asking = false
  let closed = false
  const spacing = createSpacing(clock, pump)
  const sweep = clock.setInterval(() => {
    const soon = clock.monotonic() + margin
    for (const [id, { present, until = 0 }] of holders) if (present && until < soon) again.add(id)
    pump()
  }, sweepInterval)

  function pump(): void {
    if (asking || closed || spacing.waits || !lease.held) return
    const hellos = [...waiting].slice(0, batchSize)
    for (const hello of hellos) waiting.delete(hello)
    const wanted = new Set(hellos.map(({ claim }) => claim.user))
    const renewed = pick(again, batchSize - hellos.length).flatMap((id) => {
      const holder = holders.get(id)
      return holder === undefined || wanted.has(id) ? [] : [holder]
    })
    const given = pick(release, batchSize - hellos.length - renewed.length).filter((id) => !wanted.has(id))
    if (hellos.length + renewed.length + given.length === 0) return
    const claim = [
      ...hellos.map((hello) => hello.claim),
      ...renewed.map(({ user, account }) => ({
        name: user.name,
        user: user.id,
        ...(account !== undefined && { account }),
      })),
    ]
    asking = true
    spacing.began(claim.length + given.length)
    lease
      .use('names', () => rooms.names(gateway, { claim, release: given }))
      .then(
        (answers) => {
          asking = false
          if (answers === undefined) repeat(hellos, renewed, [])
          else answered(hellos, renewed, answers)
        },
        () => {
          asking = false
          repeat(hellos, renewed, given)
        },
      )
      .finally(pump)
  }

  /** Queues again what the service may not have done. */
  function repeat(hellos: readonly Claiming[], renewed: readonly Holder[], given: readonly string[]): void {
    for (const hello of hellos) if (hello.waits) waiting.add(hello)
    for (const { user } of renewed) again.add(user.id)
    for (const id of given) if (!holders.has(id)) release.add(id)
    if (lease.down) failPending()
  }

  function answered(
    hellos: readonly Claiming[],
    renewed: readonly Holder[],
    answers: readonly (ClaimedName | Refusal)[],
  ): void {
    for (const [index, { claim, settle }] of hellos.entries()) {
      const answer = answers[index]
      if (answer === undefined) settle(unavailable())
      else if ('refused' in answer) settle(refusalError(answer))
      else {
        hold(answer.user, answer.expiresAt, claim.account)
        settle(answer)
      }
    }
    for (const [index, holder] of renewed.entries()) {
      const answer = answers[hellos.length + index]
      // A temporary refusal is not final: the next sweep asks again.
      if (answer === undefined || ('refused' in answer && answer.refused !== 'name-taken')) continue
      if (!('refused' in answer)) holder.until = inOwnTime(answer.expiresAt)
      else if (holder.present) lost(holder.user, answer)
    }
  }

  /** Converts a time of the service's wall clock to this process's monotonic clock, which nobody sets. */
  function inOwnTime(expiresAt: number): number {
    return clock.monotonic() + expiresAt - clock.now()
  }

  function hold(user: User, expiresAt: number, account: number | undefined): void {
    const until = inOwnTime(expiresAt)
    const holder = holders.get(user.id)
    release.delete(user.id)
    if (holder === undefined) holders.set(user.id, { user, account, present: false, until })
    else Object.assign(holder, { user, account, until })
  }

  function letGo(id: string): void {
    holders.get(id)?.leaving?.cancel()
    holders.delete(id)
    again.delete(id)
    release.add(id)
    pump()
  }

  function failPending(): void {
    for (const { settle } of waiting) settle(unavailable())
  }

  return {
    claim(claim) {
      if (closed || lease.down || waiting.size >= maxWaiting) return Promise.reject(unavailable())
      return new Promise((resolve, reject) => {
        const limit = claim.user === undefined ? timeout : shortTimeout
        // With an id, the claim can be repeated or the name released if the outcome is unknown.
        const wanted = { ...claim, user: claim.user ?? newGuestId() }
        const claiming: Claiming = {
          claim: wanted,
          waits: true,
          settle(outcome) {
            const { waits } = claiming
            claiming.waits = false
            waiting.delete(claiming)
            timer.cancel()
            if (outcome instanceof RabbleError) {
              if (outcome.code === 'unavailable' && !holders.has(wanted.user)) release.add(wanted.user)
              reject(outcome)
            } else if (waits) resolve(outcome)
            // The client that wanted it has gone.
            else if (holders.get(outcome.user.id)?.present === false) letGo(outcome.user.id)
          },
        }
        const timer = clock.setTimeout(() => claiming.settle(unavailable()), limit)
        waiting.add(claiming)
        pump()
      })
    },
    arrived(user, account) {
      const holder: Holder = holders.get(user.id) ?? { user, account, present: true, until: undefined }
      holders.set(user.id, holder)
      holder.leaving?.cancel()
      release.delete(user.id)
      holder.present = true
      // The user has another token, for which the name could not be claimed just now.
      if (account !== holder.account) Object.assign(holder, { account, until: undefined })
      if (holder.until !== undefined) return
      again.add(user.id)
      pump()
    },
    gone(user, clean) {
      const holder = holders.get(user.id)
      if (closed || holder === undefined || isThere(user)) return
      holder.present = false
      holder.leaving?.cancel()
      if (clean) letGo(user.id)
      else holder.leaving = clock.setTimeout(() => letGo(user.id), keep)
    },
    forget() {
      release.clear()
      for (const id of holders.keys()) again.add(id)
    },
    resume: pump,
    failPending,
    get held() {
      return holders.size
    },
    close() {
      closed = true
      sweep.cancel()
      spacing.close()
      for (const { leaving } of holders.values()) leaving?.cancel()
      failPending()
    },
  }
}

/** Removes up to `most` ids from a set and returns them. */
function pick(ids: Set<string>, most: number): string[] {
  const picked = [...ids].slice(0, most)
  for (const id of picked) ids.delete(id)
  return picked
}

function unavailable(): RabbleError {
  return new RabbleError('unavailable', 'the name can not be checked right now', {
    retryAfter: 1000,
  })
}

function refusalError({ refused, message, retryAfter }: Refusal): RabbleError {
  return new RabbleError(refused, message, { ...(retryAfter !== undefined && { retryAfter }) })
}
