import type { Database } from '@rabble/database'

/** Returns a note for operators about the gaps in all partitions; undefined if there are none. */
export async function describeGaps(database: Database): Promise<string | undefined> {
  const [row] = await database.query<{ count: number; newest: Date | null }>(
    'select count(*), max(noticed_at) as newest from history.gaps',
    [],
  )
  if (row === undefined || row.newest === null) return undefined
  return `messages may be missing at ${row.count} places (history.gaps), noticed last at ${row.newest.toISOString()}`
}
