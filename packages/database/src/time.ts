import type { Database } from './database.ts'

/** Returns the time (ms since 1970) by the clock of the database. */
export async function databaseTime({ query }: Pick<Database, 'query'>): Promise<number> {
  const [row] = await query<{ now: number }>(
    'select (extract(epoch from clock_timestamp()) * 1000)::bigint as now',
    [],
  )
  if (row === undefined) throw new Error('the database did not tell the time')
  return row.now
}
