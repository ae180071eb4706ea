import type { SearchPage } from './search.ts'

/** Pages that are looked through for one answer; who may read next to nothing of what matches asks again. */
const mostPages = 5

/**
 * A page of results without those in rooms that the caller may not read, which the index doesn't know. Looks through as many
 * pages as it takes to fill one, within reason.
 */
export async function readableOnly<Query extends { limit: number; before?: string }>(
  query: Query,
  search: (page: Query) => Promise<SearchPage>,
  readable: (rooms: readonly string[]) => Promise<Set<string>>,
): Promise<SearchPage> {
  const results: SearchPage['results'] = []
  let page = query
  for (let pages = 1; ; pages++) {
    const found = await search(page)
    const rooms = await readable([...new Set(found.results.map(({ room }) => room))])
    results.push(...found.results.filter(({ room }) => rooms.has(room)))
    const last = found.results.at(-1)
    const enough = results.length >= query.limit
    if (enough || !found.hasMore || last === undefined || pages === mostPages) {
      const hasMore = found.hasMore || results.length > query.limit
      // Whoever goes on does so behind the last result, so there must be one.
      return { results: results.slice(0, query.limit), hasMore: hasMore && results.length > 0 }
    }
    page = { ...query, before: last.id }
  }
}
