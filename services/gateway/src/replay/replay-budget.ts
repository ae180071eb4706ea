import type { Clock } from '@rabble/clock'
import { RabbleError } from '@rabble/contract'
import { TokenBucket } from '@rabble/service'

/** Replays up to this size (bytes) are always sent: they are no more than live messages may leave unread. */
const small = 64 * 1024
/** Seconds' worth of bytes that somebody may ask for at once after a quiet time. */
const burst = 8
/** How many times as much as one user may come to one address, where many users may be at home. */
const usersOfAddress = 16
/** The share of all unread bytes that one user, and one address, may hold. */
const shares = { user: 1 / 16, address: 1 / 4 }

/**
 * Bounds what replays cost. All together may leave so many bytes unread: thousands that come back to a busy room at once must
 * not cost the gateway its memory. Each user and each address has a share of that, and so many bytes a second: an answer of
 * megabytes takes one small frame to ask for, so one client could keep a gateway busy for all others. `sharers` are as
 * `sharersOf` names them.
 */
export interface ReplayBudget {
  /** @throws RabbleError `rate-limited` while one of `sharers` has had its bytes of these seconds */
  check(sharers: readonly string[]): void
  /** Counts bytes that are sent among those of these seconds. */
  spend(sharers: readonly string[], bytes: number): void
  /** Takes `bytes` until `read` resolves. False if not so many may be unread: send less. */
  hold(sharers: readonly string[], bytes: number, read: () => Promise<void>): boolean
  /** Bytes that are held. */
  readonly held: number
}

/** Bytes that one user, or one address, has had. */
interface Account {
  /** Those of these seconds. */
  rate: TokenBucket
  unread: number
  /** Maximum of unread bytes. */
  share: number
}

/** Accounts that are looked at whenever one is used, to forget those that are as good as new. */
const looks = 4

export function createReplayBudget(options: {
  /** Bytes that may be unread over all sessions. */
  limit: number
  /** Bytes of replays for one user. */
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

  /** Takes some out, and puts those back, behind all others, that are still needed. */
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
      // One at a time may have any size.
      const isShare = own.every(({ unread, share }) => unread === 0 || unread + bytes <= share)
      if (!isShare || held + bytes > limit) return false
      const count = (change: number) => {
        held += change
        for (const one of own) one.unread += change
      }
      count(bytes)
      // In the next turn, when the bytes have been written.
      setImmediate(() => void read().finally(() => count(-bytes)))
      return true
    },
    get held() {
      return held
    },
  }
}
