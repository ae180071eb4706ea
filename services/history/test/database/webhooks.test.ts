import { until } from '@rabble/harness'
import { moveSent, sentPosition } from '../../src/webhooks/position.ts'
import { ingestOf, timeout, waitFor } from '../build.ts'
import { onBoth } from '../databases.ts'
import { createMemoryLog } from '../memory-log.ts'
import { message } from '../message.ts'
import { startReceiver } from '../receiver.ts'

const backoff = { first: 5, longest: 100 }

await onBoth(async (t, databases) => {
  await t.test('a receiver that dies in the middle gets all in order, from whichever replica', async (t) => {
    const database = await databases.migrated(t)
    const log = createMemoryLog()
    const receiver = await startReceiver(t, { backoff })
    const { webhook } = receiver
    const ids: string[] = []
    const append = (count: number) => {
      for (let n = 0; n < count; n++) {
        const id = `m${ids.length}`
        ids.push(id)
        log.append(message(id))
      }
    }
    const has = (count: number) =>
      until(() => receiver.ids().length >= count, timeout, `${count} events at the receiver`)
    const first = ingestOf(t, log, database, { webhook })
    append(50)
    await has(50)
    const second = ingestOf(t, log, database, { webhook })
    // It dies without an answer to a request that it has processed.
    receiver.answer = () => void receiver.kill()
    append(50)
    await waitFor(database, 100)
    await until(() => receiver.received.length > 0 && failuresOf(first), timeout, 'the sender to notice')
    append(50)
    await first.close()
    append(50)
    await until(() => failuresOf(second), timeout, 'the other replica to try')
    receiver.answer = (response) => void response.writeHead(204).end()
    await receiver.restart()
    await has(200)
    t.same(receiver.ids(), ids)
    await first.close()
    t.same(second.problem(), undefined)
  })

  await t.test('a webhook begins with the newest event, or with the oldest one of the log', async (t) => {
    const database = await databases.migrated(t)
    const log = createMemoryLog()
    const stored = ingestOf(t, log, database)
    log.append(message('a'))
    await waitFor(database, 1)
    await stored.close()
    log.append(message('b'))

    const newest = await startReceiver(t, { backoff, start: 'newest' })
    // Its start holds, although it doesn't answer for now.
    await newest.kill()
    const first = ingestOf(t, log, database, { webhook: newest.webhook })
    await until(() => failuresOf(first), timeout, 'a failure')
    await first.close()
    log.append(message('c'))
    await newest.restart()
    const second = ingestOf(t, log, database, { webhook: newest.webhook })
    await until(() => newest.ids().length >= 2, timeout, 'the events')
    t.same(newest.ids(), ['b', 'c'])
    await second.close()

    await database.query('delete from history.webhook_positions')
    const oldest = await startReceiver(t, { backoff, start: 'oldest' })
    ingestOf(t, log, database, { webhook: oldest.webhook })
    await until(() => oldest.ids().length >= 3, timeout, 'the events')
    t.same(oldest.ids(), ['a', 'b', 'c'])
  })

  await t.test('each partition has a position of its own, and only its sender moves it', async (t) => {
    const database = await databases.migrated(t)
    const start = await sentPosition(database, 1, 'newest')
    t.same(start, { offset: null, lastId: null })
    const [five, nine] = [
      { offset: 5, lastId: 'a' },
      { offset: 9, lastId: 'b' },
    ]
    t.equal(await moveSent(database, 1, start, nine), true)
    t.equal(await moveSent(database, 1, start, nine), true, 'again, after an answer that was lost')
    t.equal(await moveSent(database, 1, start, five), false, 'a sender that was frozen does not move it back')
    t.same(await sentPosition(database, 1, 'oldest'), nine)
    t.same(await sentPosition(database, 0, 'oldest'), start)
  })
})

async function failuresOf({ metrics }: ReturnType<typeof ingestOf>): Promise<boolean> {
  const { values } = await metrics.webhookFailures.get()
  return values.some(({ value }) => value > 0)
}
