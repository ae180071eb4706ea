import type { Database } from '@rabble/database'
import { type SearchOptions, search } from '../src/search/search.ts'

/** Returns the time at a minute. */
export const at = (minute: number) => new Date(Date.UTC(2026, 10, 22, 10, minute)).toISOString()

/** Returns the ids of the results of a search, newest first. */
export async function idsFound(
  database: Database,
  q: string,
  more: Partial<SearchOptions> = {},
): Promise<string[]> {
  const { results } = await search(database, {
    q,
    scope: { user: undefined },
    sort: 'newest',
    limit: 20,
    ...more,
  })
  return results.map(({ line }): string => JSON.parse(line).id)
}
