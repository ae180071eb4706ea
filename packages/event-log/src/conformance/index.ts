import type { Test } from 'tap'
import type { MakeFixture } from './fixture.ts'
import { testPublishing } from './publishing.ts'
import { testReading } from './reading.ts'
import { testSignals } from './signals.ts'

export type { LogFixture, MakeFixture, OpenOptions } from './fixture.ts'

/**
 * Tests the behaviour that every implementation of EventLog must have, as subtests of `t`. `makeFixture` creates an empty log for
 * each.
 */
export function testEventLog(t: Test, makeFixture: MakeFixture): void {
  testPublishing(t, makeFixture)
  testReading(t, makeFixture)
  testSignals(t, makeFixture)
}
