import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { decodeBatch } from '../src/batch.ts'
import { BatchTraces, parseTraces } from '../src/batch-traces.ts'
import { event } from '../src/conformance/fixture.ts'
import { buildQueue } from './queue.ts'

const trace = (n: number) => `00-${'a'.repeat(32)}-${String(n).padStart(16, '0')}-01`

t.test(
  'a batch carries the traces of its events, but not of so many that AMQP would refuse it',
  async (t) => {
    const traces = new BatchTraces()
    for (let n = 0; n < 1000; n++) traces.add(n, trace(n))
    const header = traces.toString()
    t.ok(header.length < 3000, `${header.length} bytes`)
    t.same(
      [...(parseTraces(header) ?? [])],
      Array.from({ length: 32 }, (_, n) => [n, trace(n)]),
    )
  },
)

t.test('a header of a foreign publisher does no harm, whatever is in it', async (t) => {
  for (const header of [undefined, 7, {}, '0='.repeat(100_000)]) t.equal(parseTraces(header), undefined)
  const [good, bad] = [
    `1=${trace(1)}`,
    ['x', '=', `2=${trace(1)}x`, `2=${trace(1).toUpperCase()}`, `-2=${trace(1)}`],
  ]
  for (const one of bad) t.same([...(parseTraces(`${one} ${good}`) ?? [])], [[1, trace(1)]], one)
})

t.test('a line that is no event moves no trace to another event', async (t) => {
  const [a, b] = [JSON.stringify(event('a')), JSON.stringify(event('b'))]
  const entries = decodeBatch(
    Buffer.from(`${a}\nno event\n${b}\n`),
    () => {},
    parseTraces(`1=${trace(1)} 2=${trace(2)}`),
  )
  t.same(
    entries.map(({ event, traceparent }) => [event.id, traceparent]),
    [
      ['a', undefined],
      ['b', trace(2)],
    ],
  )
})

t.test('a batch that is sent again has its traces again, and one without traces has no header', async (t) => {
  const { queue, nth, sent, clock } = buildQueue()
  queue.open()
  const published = [queue.publish(event('plain'))]
  ;(await nth(0)).confirm()
  await turn()
  published.push(queue.publish(event('traced'), trace(5)))
  ;(await nth(1)).fail()
  await turn()
  await clock.advance(1000)
  ;(await nth(2)).confirm()
  await Promise.all(published)
  t.same(
    sent.map(({ traces }) => traces),
    [undefined, `0=${trace(5)}`, `0=${trace(5)}`],
  )
})
