import { until } from '@rabble/harness'
import type { Gauge } from 'prom-client'
import { idsOf, ingestOf, timeout, waitFor } from '../build.ts'
import { onBoth } from '../databases.ts'
import { createMemoryLog } from '../memory-log.ts'
import { message } from '../message.ts'

const told = async (gauge: Gauge<'partition'>) => (await gauge.get()).values[0]?.value

await onBoth(async (t, databases) => {
  await t.test('one replica writes, the others don’t even read the log, until it is gone', async (t) => {
    const database = await databases.migrated(t)
    const log = createMemoryLog()
    const first = ingestOf(t, log, database)
    log.append(message('a'))
    await waitFor(database, 1)
    const second = ingestOf(t, log, database)
    await until(() => second.problem() === undefined, timeout, 'the second to stand by')
    log.append(message('b'))
    await waitFor(database, 2)
    t.equal(log.starts.length, 1)
    t.equal(await told(first.metrics.leader), 1)
    t.equal(await told(second.metrics.leader), 0)
    t.equal(await told(second.metrics.position), undefined, 'only the leader tells a position')

    await first.close()
    t.equal(await told(first.metrics.leader), 0)
    log.append(message('c'))
    t.same(await idsOf(database, 3), ['a', 'b', 'c'])
    t.equal(await told(second.metrics.leader), 1)
    t.equal(log.starts.length, 2)
  })

  await t.test('each partition has a leader of its own', async (t) => {
    const database = await databases.migrated(t)
    const lease = await database.lease('history 1')
    const log = createMemoryLog(3)
    const { metrics } = ingestOf(t, log, database)
    const leads = async () => (await metrics.leader.get()).values.map(({ value }) => value)
    await until(async () => (await leads()).join() === '1,0,1', timeout, 'two of the three')
    await lease?.release()
    await until(async () => (await leads()).join() === '1,1,1', timeout, 'the third')
  })
})
