import type { Clock, Timer } from '@rabble/clock'
import { RabbleError, type User } from '@rabble/contract'
import { newGuestId } from '@rabble/contract/ids'
import type { ClaimedName, NameClaim, Refusal, RoomsClient } from '@rabble/rooms/client'
import type { Lease } from './lease.ts'

/** Names that one call claims and gives back. */
const batchSize = 500
/** Guests that may wait for their names at a time. */
const maxWaiting = 20_000
/**
 * How long (ms) a guest waits for a name: less than the 5 s that our client waits for an answer to hello. One who has a token
 * that says whose it is need not wait so long.
 */
const timeout = 4_000
const shortTimeout = 2_000
/** How long (ms) the name of a guest who vanished is kept for who has the token. */
const keep = 30_000
/** How often (ms) names are looked at that end if they are not claimed again. */
const sweepInterval = 60_000
/** Names that end within this time (ms) are claimed again: it is longer than the clocks of services may differ. */
const margin = 30 * 60_000

/**
 * The names of those who are here, where guests may enter. Guests hold them for as long as they have a session here; those
 * of accounts the service keeps by itself, until their token ends.
 */
export interface Names {
  /**
   * Claims a name for somebody new or, with the id that a token says, for who had it already.
   * @throws RabbleError that says why not, `unavailable` if that can't be known
   */
  claim(claim: NameClaim): Promise<ClaimedName>
  /** A session of this user is there, or has another token; `account`: as in its claim. */
  arrived(user: User, account?: number): void
  /** A session of the user has ended: in peace, or it may come back. Names are kept while there is another one. */
  gone(user: User, clean: boolean): void
  /** Nothing is held any more, under a new lease. */
  forget(): void
  /** The service can be asked. */
  resume(): void
  /** The service is down: who waits is told. */
  failPending(): void
  readonly held: number
  close(): void
}

/** Somebody at this gateway. */
interface Holder {
  user: User
  /** When the token of an account ends. */
  account?: number | undefined
  present: boolean
  /** Until when the name is held, by the clock's `monotonic`; undefined if it must be claimed first. */
  until: number | undefined
  /** Ends the time for which the name of somebody is kept who is not there. */
  leaving?: Timer
}

interface Claiming {
  claim: NameClaim & { user: string }
  /** Whether anybody still waits for the answer. */
  waits: boolean
  settle(outcome: ClaimedName | RabbleError): void
}

export function createNames(options: {
  rooms: Pick<RoomsClient, 'names'>
  gateway: string
  lease: Pick<Lease, 'held' | 'down' | 'use'>
  /** Whether the user has a session here. */
  isThere: (user: User) => boolean
  /** Somebody else has the name of a guest who is there. */
  lost: (user: User, refusal: Refusal) => void
  clock: Clock
}): Names {
  const { rooms, gateway, lease, isThere, lost, clock } = options
  const holders = new Map<string, Holder>()
  /** Claims of who says hello, in the order of asking. */
  const waiting = new Set<Claiming>()
  /** Guests that are there and have to be claimed again, and those who are gone. */
  const again = new Set<string>()
  const release = new Set<string>()
  let asking = false
  let closed = false
  const sweep = clock.setInterval(() => {
    const soon = clock.monotonic() + margin
    for (const [id, { present, until = 0 }] of holders) if (present && until < soon) again.add(id)
    pump()
  }, sweepInterval)

  function pump(): void {
    if (asking || closed || !lease.held) return
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

  /** What is not known to be done is done again. */
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
      // Not now is not no: the next sweep asks again.
      if (answer === undefined || ('refused' in answer && answer.refused !== 'name-taken')) continue
      if (!('refused' in answer)) holder.until = inOwnTime(answer.expiresAt)
      else if (holder.present) lost(holder.user, answer)
    }
  }

  /** What the service says by the wall clock is measured by one that nobody sets. */
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
        // Who has an id can ask again, or give the name back, where nobody knows whether it was given.
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
            // Nobody is there any more who wants it.
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
      // It has another token, for which the name could not be claimed just now.
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
      for (const { leaving } of holders.values()) leaving?.cancel()
      failPending()
    },
  }
}

/** Takes up to `most` out of a set. */
function pick(ids: Set<string>, most: number): string[] {
  const picked = [...ids].slice(0, most)
  for (const id of picked) ids.delete(id)
  return picked
}

function unavailable(): RabbleError {
  return new RabbleError('unavailable', 'whether the name is free can not be found out right now', {
    retryAfter: 1000,
  })
}

function refusalError({ refused, message, retryAfter }: Refusal): RabbleError {
  return new RabbleError(refused, message, { ...(retryAfter !== undefined && { retryAfter }) })
}
