import type { Database } from '@rabble/database'
import { onBothDatabases } from '@rabble/database/testing'
import t, { type Test } from 'tap'

export { longTimeouts } from '@rabble/database/testing'

/** Path from dist/test. */
export const migrations = new URL('../../migrations/', import.meta.url)

/** Makes a database with only the tables of rooms. */
export type MakeDatabase = (t: Test) => Promise<Database>

/** Runs the same tests over both databases. */
export function onBoth(
  tests: (t: Test, make: MakeDatabase, kind: Database['kind']) => Promise<void>,
): Promise<void> {
  return onBothDatabases(t, { service: 'rooms', migrations }, (t, { migrated, kind }) =>
    tests(t, migrated, kind),
  )
}
