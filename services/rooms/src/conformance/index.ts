import type { Test } from 'tap'
import { testAudit } from './audit.ts'
import type { MakeFixture, MakeReadersFixture } from './fixture.ts'
import { testLeases } from './leases.ts'
import { testMembers } from './members.ts'
import { testNames } from './names.ts'
import { testPolicies } from './policies.ts'
import { testPresence } from './presence.ts'
import { testReaders } from './readers.ts'
import { testSeats } from './seats.ts'

export type {
  MakeFixture,
  MakeReadersFixture,
  ReadersFixture,
  Restriction,
  RoomRules,
  RoomsFixture,
} from './fixture.ts'

/**
 * Tests what gateways rely on, as subtests of `t`: all of RoomsClient but `retention`, `readable`, `hidden` and `former`.
 * `makeFixture` makes an empty service for each. An implementation may choose what the tests leave open, such as the texts of
 * refusals.
 */
export function testRoomsClient(t: Test, makeFixture: MakeFixture): void {
  testLeases(t, makeFixture)
  testSeats(t, makeFixture)
  testPresence(t, makeFixture)
  testMembers(t, makeFixture)
  testNames(t, makeFixture)
  testPolicies(t, makeFixture)
  testAudit(t, makeFixture)
}

/** Tests what history relies on: `retention`, `readable` and `hidden`. */
export function testRoomsClientOfHistory(t: Test, makeFixture: MakeReadersFixture): void {
  testReaders(t, makeFixture)
}
