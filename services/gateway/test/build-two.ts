import { createManualClock } from '@rabble/clock/manual'
import type { Test } from 'tap'
import { build, type TestGateway } from './build.ts'
import { createMemoryLog } from './memory-log.ts'
import { pass } from './time.ts'

/** Starts gateways that know where the others are, with a clock that a test moves. */
export async function buildTwo(t: Test) {
  const clock = createManualClock()
  const log = createMemoryLog(1, { clock })
  const start = async () => {
    const known: { http?: string } = {}
    const gateway = await build(t, { log, clock, url: () => known.http })
    known.http = gateway.http
    return gateway
  }
  const [one, two] = [await start(), await start()]
  t.teardown(() => log.close())
  const knows = async (a: TestGateway, b: TestGateway) =>
    (await a.gateway.gatewayUrl(b.gateway.id)) === b.http
  const know = () => Promise.all([knows(one, two), knows(two, one)])
  await pass(clock, 500, async () => !(await know()).includes(false), 'the gateways to know each other')
  return { clock, one, two }
}
