import type { Clock } from '@rabble/clock'
import { createRates } from '@rabble/service'
import type { Refusal, SeatRequest } from '../api.ts'

/** Users who may make as many rooms appear as one may from one address: guests make as many users as they like. */
const usersPerAddress = 10

/** Says why a room that is not there may not appear for who asks for a seat in it. */
export type Admit = (request: SeatRequest) => Refusal | undefined

/**
 * Limits the rooms that appear because somebody joins them: each is listed, and stays for a day. Returns what makes an
 * `Admit` for one batch, which counts each request once, however often its transaction is tried.
 */
export function limitAppearing(perHour = 100, clock: Clock): () => Admit {
  const rateOf = (burst: number) => createRates({ perSecond: burst / 3600, burst }, clock)
  const users = rateOf(perHour)
  const addresses = rateOf(usersPerAddress * perHour)

  function decide({ user, network, moderator }: SeatRequest): Refusal | undefined {
    if (moderator === true) return undefined
    const retryAfter = users.take(user.id) || (network === undefined ? 0 : addresses.take(network))
    if (retryAfter === 0) return undefined
    return { refused: 'rate-limited', message: 'too many rooms that were not there', retryAfter }
  }

  return () => {
    const decided = new Map<SeatRequest, Refusal | undefined>()
    return (request) => {
      if (!decided.has(request)) decided.set(request, decide(request))
      return decided.get(request)
    }
  }
}
