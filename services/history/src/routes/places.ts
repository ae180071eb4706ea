import { RabbleError } from '@rabble/contract'

/** Limited number of places for requests that last, such as exports. */
export interface Places {
  /**
   * Takes a place. The returned function gives it back. `sharers` are named as by `sharersOf`.
   * @throws RabbleError `rate-limited` if one of `sharers` has too many, `unavailable` if there are too many in all
   */
  take(sharers: readonly string[]): () => void
}

/** `most`: maximum number of places in all; `maxOfEach`: of each sharer; `of`: the name of such requests in messages. */
export function createPlaces(options: { most: number; maxOfEach: number; of: string }): Places {
  const { most, maxOfEach, of } = options
  /** Sharers of each place that is taken. */
  const taken = new Set<readonly string[]>()
  return {
    take(sharers) {
      const all = [...taken].flat()
      if (sharers.some((sharer) => all.filter((other) => other === sharer).length >= maxOfEach)) {
        throw new RabbleError('rate-limited', `too many ${of} of this user at once`, { retryAfter: 5_000 })
      }
      if (taken.size >= most) {
        throw new RabbleError('unavailable', `too many ${of} at once`, { retryAfter: 5_000 })
      }
      const place = [...sharers]
      taken.add(place)
      return () => void taken.delete(place)
    },
  }
}
