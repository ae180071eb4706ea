import type { Test } from 'tap'
import { testFind } from './find.ts'
import type { MakeFixture } from './fixture.ts'
import { testReplay } from './replay.ts'

export type { HistoryFixture, MakeFixture } from './fixture.ts'

/** Tests what gateways rely on, as subtests of `t`. `makeFixture` makes an empty history for each. */
export function testHistoryClient(t: Test, makeFixture: MakeFixture): void {
  testFind(t, makeFixture)
  testReplay(t, makeFixture)
}
