import { RabbleError } from '@rabble/contract'
import type { SearchPage } from './search.ts'

/** Searches for one answer, each without the rooms that those before it met in vain. */
const mostSearches = 5
/** Results that a search looks at to learn of such rooms; the most that it may be asked for. */
const look = 100

/**
 * A page of results without those in rooms that the caller may not read, which the index doesn't know: the rooms that turn out
 * to be such are left out of the next search.
 * @throws RabbleError `bad-frame` if the matches that came first are in so many of them that none was found, nor the end
 */
export async function readableOnly<Query extends { limit: number }>(
  query: Query,
  search: (query: Query, except: readonly string[]) => Promise<SearchPage>,
  readable: (rooms: readonly string[]) => Promise<Set<string>>,
): Promise<SearchPage> {
  const except: string[] = []
  for (let searches = 1; ; searches++) {
    const found = await search(searches === 1 ? query : { ...query, limit: look }, except)
    const rooms = [...new Set(found.results.map(({ room }) => room))]
    const open = await readable(rooms)
    const results = found.results.filter(({ room }) => open.has(room))
    except.push(...rooms.filter((room) => !open.has(room)))
    const isEnough = results.length >= query.limit || results.length === found.results.length
    if (isEnough || !found.hasMore || searches === mostSearches) {
      const hasMore = found.hasMore || results.length > query.limit
      // Whoever goes on does so behind the last result, so there must be one.
      if (hasMore && results.length === 0) {
        throw new RabbleError(
          'bad-frame',
          'too many rooms that are not for you have this; search in one room',
        )
      }
      return { results: results.slice(0, query.limit), hasMore }
    }
  }
}
