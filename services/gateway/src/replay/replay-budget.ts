import type { Clock } from '@rabble/clock'
import { RabbleError } from '@rabble/contract'
import { TokenBucket } from '@rabble/service'

/** Size (bytes) up to which replays are always sent. Live messages may leave as much unread. */
const small = 64 * 1024
/** Burst after a quiet time, in seconds of the rate. */
const burst = 8
/** Factor by which the rate of an address exceeds that of a user, since many users may share an address. */
const usersOfAddress = 16
/** Share of all unread bytes that one user, and one address, may hold. */
const shares = { user: 1 / 16, address: 1 / 4 }

/**
 * Limits what replays cost. The unread bytes of all sessions are limited: thousands that come back to a busy room at once must
 * not exhaust the gateway's memory. Each user and each address has a share of that, and a limited rate: a small frame asks for
 * megabytes, so one client could keep a gateway busy for all others. `sharers` are as `sharersOf` names them.
 */
export interface ReplayBudget {
  /** @throws RabbleError `rate-limited` while one of `sharers` exceeds its rate */
  check(sharers: readonly string[]): void
  /** Counts sent bytes for the rates. */
  spend(sharers: readonly string[], bytes: number): void
  /** Holds `bytes` until `read` resolves. Returns false if that would be too many unread bytes: send less. */
  hold(sharers: readonly string[], bytes: number, read: () => Promise<void>): boolean
  /** Number of held bytes. */
  readonly held: number
}

/** Bytes of one user or one address. */
interface Account {
  /** Rate of sent bytes. */
  rate: TokenBucket
  unread: number
  /** Maximum of unread bytes. */
  share: number
}

/** Number of accounts that are checked whenever one is used, to forget those that are as good as new. */
const looks = 4

export function createReplayBudget(options: {
  /** Maximum number of unread bytes over all sessions. */
  limit: number
  /** Maximum rate (bytes a second) of replays for one user. */
  perSecond: number
  clock: Clock
}): ReplayBudget {
  const { limit, perSecond, clock } = options
  const accounts = new Map<string, Account>()
  let held = 0

  function account(name: string): Account {
    const known = accounts.get(name)
    if (known !== undefined) return known
    const isUser = name.startsWith('user:')
    const rate = perSecond * (isUser ? 1 : usersOfAddress)
    const fresh = {
      rate: new TokenBucket(rate, rate * burst, clock.monotonic()),
      unread: 0,
      share: limit * (isUser ? shares.user : shares.address),
    }
    accounts.set(name, fresh)
    return fresh
  }

  function accountsOf(sharers: readonly string[]): Account[] {
    forgetSome()
    return sharers.map(account)
  }

  /** Checks some accounts. Forgets those that are not needed any more, and moves the others to the end. */
  function forgetSome(): void {
    const now = clock.monotonic()
    let looked = 0
    for (const [name, one] of accounts) {
      if (looked++ === looks) return
      accounts.delete(name)
      if (one.unread > 0 || !one.rate.isFull(now)) accounts.set(name, one)
    }
  }

  return {
    check(sharers) {
      const now = clock.monotonic()
      const wait = Math.max(0, ...accountsOf(sharers).map(({ rate }) => rate.wait(now)))
      if (wait === 0) return
      throw new RabbleError('rate-limited', `no more than ${perSecond} bytes of replays a second`, {
        retryAfter: wait,
      })
    },
    spend(sharers, bytes) {
      const now = clock.monotonic()
      for (const { rate } of accountsOf(sharers)) rate.spend(now, bytes)
    },
    hold(sharers, bytes, read) {
      if (bytes <= small) return true
      const own = accountsOf(sharers)
      // A single replay may have any size.
      const isShare = own.every(({ unread, share }) => unread === 0 || unread + bytes <= share)
      if (!isShare || held + bytes > limit) return false
      const count = (change: number) => {
        held += change
        for (const one of own) one.unread += change
      }
      count(bytes)
      // The bytes have been written by the next turn.
      setImmediate(() => void read().finally(() => count(-bytes)))
      return true
    },
    get held() {
      return held
    },
  }
}
