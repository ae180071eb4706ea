import type { Database } from './database.ts'

/** Returns the tables that are missing. Names include the schema. */
export async function missingTables(
  { query }: Pick<Database, 'query'>,
  tables: readonly string[],
): Promise<string[]> {
  const rows = await query<{ name: string }>(
    'select name from unnest($1::text[]) as wanted (name) where to_regclass(name) is null',
    [tables],
  )
  return rows.map(({ name }) => name)
}
