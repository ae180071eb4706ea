import { connectPostgres } from '@rabble/database'
import { sharedPostgres, until } from '@rabble/harness'
import t, { type Test } from 'tap'
import { inProcess } from '../../src/client.ts'
import { type HistoryFixture, testHistoryClient } from '../../src/conformance/index.ts'
import { build, internalTokens, timeout, waitForOffset } from '../build.ts'
import { longTimeouts } from '../databases.ts'
import { createMemoryLog } from '../memory-log.ts'

// Only over one database: other tests run over both, and a database in a process of its own costs several times as much.
const server = await sharedPostgres(t)

async function makeFixture(t: Test): Promise<HistoryFixture> {
  const database = await connectPostgres(await server.createDatabase(), longTimeouts)
  t.teardown(() => database.close())
  const log = createMemoryLog()
  const app = build(t, { log, database })
  await app.ready()
  const isReady = async () => (await app.inject('/readyz')).statusCode === 200
  await until(isReady, timeout, 'history to be ready')
  let offset = -2
  return {
    client: inProcess(app, internalTokens, timeout),
    async store(...events) {
      log.append(...events)
      // As the log counts.
      offset += 2
      await waitForOffset(database, offset)
      return offset
    },
  }
}

await t.test('what gateways ask', async (t) => testHistoryClient(t, makeFixture))
