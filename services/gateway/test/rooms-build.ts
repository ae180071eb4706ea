import type { Clock } from '@rabble/clock'
import { createTokens } from '@rabble/service'
import type { Test } from 'tap'
import { build, secret, type TestGateway } from './build.ts'
import { createFakeRooms, type FakeRooms } from './fake-rooms.ts'
import { createMemoryLog } from './memory-log.ts'

/**
 * Builds gateways that share a log and a rooms service in memory. All of them use `clock`, except for a service with its own
 * clock. Default: the clock of the machine.
 */
export async function buildWithRooms(
  t: Test,
  gateways = 1,
  {
    serviceClock,
    ...options
  }: Omit<Parameters<typeof build>[1] & object, 'log' | 'rooms'> & {
    clock?: Clock
    serviceClock?: Clock
  } = {},
): Promise<{ rooms: FakeRooms; a: TestGateway; b: TestGateway }> {
  const log = createMemoryLog()
  const rooms = createFakeRooms(log, createTokens(secret), serviceClock ?? options.clock)
  const built: TestGateway[] = []
  while (built.length < gateways) built.push(await build(t, { ...options, log, rooms }))
  const [a, b = a] = built
  if (a === undefined || b === undefined) throw new Error('there must be one')
  return { rooms, a, b }
}
