import type { Clock } from '@rabble/clock'
import { createRates } from '@rabble/service'
import type { Refusal, SeatRequest } from '../api.ts'

/** Number of users whose limits one address may use up: guests can create as many users as they like. */
const usersPerAddress = 10

/** Returns the reason why a room that does not exist may not appear for a request; undefined if it may. */
export type Admit = (request: SeatRequest) => Refusal | undefined

/**
 * Limits the rooms that appear because a user joins them: each is listed, and stays for a day. Returns a function that makes an
 * `Admit` for one batch. An `Admit` counts each request once, however often its transaction is retried. `perHour` is for each
 * user (default: 100).
 */
export function limitAppearing(perHour = 100, clock: Clock): () => Admit {
  const rateOf = (burst: number) => createRates({ perSecond: burst / 3600, burst }, clock)
  const users = rateOf(perHour)
  const addresses = rateOf(usersPerAddress * perHour)

  function decide({ user, network, moderator }: SeatRequest): Refusal | undefined {
    if (moderator === true) return undefined
    const retryAfter = users.take(user.id) || (network === undefined ? 0 : addresses.take(network))
    if (retryAfter === 0) return undefined
    return { refused: 'rate-limited', message: 'too many new rooms', retryAfter }
  }

  return () => {
    const decided = new Map<SeatRequest, Refusal | undefined>()
    return (request) => {
      if (!decided.has(request)) decided.set(request, decide(request))
      return decided.get(request)
    }
  }
}
