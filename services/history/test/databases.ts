import { onBothDatabases, type TestDatabases } from '@rabble/database/testing'
import t, { type Test } from 'tap'

export { longTimeouts } from '@rabble/database/testing'

/** Path from dist/test. */
export const migrations = new URL('../../migrations/', import.meta.url)

/** Runs the same tests over both databases. */
export function onBoth(tests: (t: Test, databases: TestDatabases) => Promise<void>): Promise<void> {
  return onBothDatabases(t, { service: 'history', migrations }, tests)
}
