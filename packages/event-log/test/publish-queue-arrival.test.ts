import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { event } from '../src/conformance/fixture.ts'
import { buildQueue, longestPause } from './queue.ts'

// A batch that is read back from the log is stored, whatever happens to its confirm.

t.test(
  'it arrives before it is refused: whoever published knows at once, and it is not sent again',
  async (t) => {
    const { queue, nth, refuted } = buildQueue()
    queue.open()
    const first = queue.publish(event('1'))
    const second = queue.publish(event('2'))
    const { batch, fail } = await nth(0)
    queue.arrived(Buffer.from('{"id":"of somebody else"}\n'))
    queue.arrived(Buffer.from(batch))
    await first
    await turn()
    t.same(refuted, [], 'its answer may still be a confirm')
    fail()
    const next = await nth(1)
    t.same(next.ids, ['2'], 'without a pause')
    t.same(refuted, [['lost', 1]])
    next.confirm()
    await second
    await queue.close()
    t.equal(refuted.length, 1)
  },
)

t.test('it arrives after it was refused, once or twice: not sent again, and told once', async (t) => {
  const { queue, nth, refuted, clock } = buildQueue()
  queue.open()
  const all = ['1', '2', '3'].map((id) => queue.publish(event(id)))
  const { batch, fail } = await nth(0)
  fail()
  await turn()
  queue.arrived(batch)
  const second = await nth(1)
  t.same(second.ids, ['2', '3'], 'without waiting out the pause of the first')
  t.same(refuted, [['lost', 1]])
  second.fail()
  await clock.advance(longestPause)
  const again = await nth(2)
  queue.arrived(second.batch)
  again.fail()
  await Promise.all(all)
  t.same(refuted, [
    ['lost', 1],
    ['lost', 2],
  ])
  await queue.close()
  t.equal(clock.pending, 0, 'no timer is left')
})

t.test('what has arrived and is confirmed as well is no contradiction', async (t) => {
  const { queue, nth, refuted, backlog } = buildQueue()
  queue.open()
  const published = queue.publish(event('1'))
  const { batch, confirm } = await nth(0)
  queue.arrived(batch)
  confirm()
  await published
  await queue.close()
  t.same(refuted, [])
  t.match(backlog, { events: 0, bytes: 0 })
})
