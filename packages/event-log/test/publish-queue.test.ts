import { setImmediate as turn } from 'node:timers/promises'
import { createManualClock } from '@rabble/clock/manual'
import t, { type Test } from 'tap'
import { Backlog } from '../src/backlog.ts'
import { codeOf, event } from '../src/conformance/fixture.ts'
import { defaultPublishLimits, type LogObserver } from '../src/event-log.ts'
import { PublishQueue } from '../src/publish-queue.ts'
import { buildQueue as build, longestPause, type Sent } from './queue.ts'

/** Creates a queue whose batches are all refused, and records when each was sent: milliseconds since its creation. */
function buildRefused(t: Test, publishTimeout: number) {
  // Makes the pauses, which are random up to a bound, as long as possible.
  t.intercept(Math, 'random', { value: () => 1 })
  const clock = createManualClock()
  const start = clock.monotonic()
  const sent: { at: number; batch: string }[] = []
  const queue = new PublishQueue({
    clock,
    backlog: new Backlog({ ...defaultPublishLimits, publishTimeout }, {}),
    async send(batch) {
      sent.push({ at: clock.monotonic() - start, batch: batch.toString() })
      throw new Error('refused')
    },
  })
  queue.open()
  return { queue, clock, sent }
}

t.test('one batch at a time: what arrives meanwhile goes out together', async (t) => {
  const { queue, sent, nth } = build()
  queue.open()
  const all = ['1', '2', '3'].map((id) => queue.publish(event(id)))
  t.same(
    sent.map(({ ids }) => ids),
    [['1']],
    'the first goes at once',
  )
  ;(await nth(0)).confirm()
  const second = await nth(1)
  t.same(second.ids, ['2', '3'])
  all.push(queue.publish(event('4')))
  await turn()
  t.equal(sent.length, 2)
  second.confirm()
  ;(await nth(2)).confirm()
  await Promise.all(all)
  await queue.close()
})

t.test(
  'batches have their spacing, and hold what came meanwhile; an event that comes later goes at once',
  async (t) => {
    const { queue, sent, nth, clock } = build({}, {}, { spacing: 2 })
    queue.open()
    const all = ['1', '2'].map((id) => queue.publish(event(id)))
    const first = await nth(0)
    t.same(first.ids, ['1', '2'], 'those of one turn')
    all.push(queue.publish(event('3')))
    first.confirm()
    await all[0]
    all.push(queue.publish(event('4')))
    await clock.advance(1)
    await turn()
    t.equal(sent.length, 1)
    await clock.advance(1)
    const second = await nth(1)
    t.same(second.ids, ['3', '4'])
    await clock.advance(2)
    second.confirm()
    await all[3]
    all.push(queue.publish(event('5')))
    ;(await nth(2)).confirm()
    await Promise.all(all)
    await queue.close()
  },
)

t.test('a batch is limited in events and in bytes, but takes any one event', async (t) => {
  const { queue, nth } = build({ maxWaitingBytes: 10_000_000 })
  for (let i = 0; i < 2100; i++) void queue.publish(event('small'))
  for (let i = 0; i < 6; i++) void queue.publish(event('large', 'r', 'x'.repeat(100_000)))
  void queue.publish(event('huge', 'r', 'x'.repeat(1_000_000)))
  queue.open()
  const batches: Sent[] = []
  for (let n = 0; n < 6; n++) {
    const next = await nth(n)
    batches.push(next)
    next.confirm()
  }
  t.same(
    batches.map(({ ids }) => ids.length),
    [1000, 1000, 102, 2, 2, 1],
  )
  t.same(
    batches.filter(({ ids, batch }) => ids.length > 1 && batch.length > 256 * 1024),
    [],
    'none that could be smaller is too large',
  )
  await queue.close()
})

t.test('a batch whose confirm was lost is sent again, the same bytes, before anything else', async (t) => {
  const retried: number[] = []
  const { queue, nth, clock } = build({}, { retried: (events) => retried.push(events) })
  queue.open()
  const first = queue.publish(event('1'))
  const second = queue.publish(event('2'))
  ;(await nth(0)).fail()
  await clock.advance(longestPause)
  const again = await nth(1)
  t.equal(again.batch, (await nth(0)).batch)
  t.same(retried, [1])
  queue.shut()
  again.fail()
  await turn()
  // There is no pause: the cause of the failure is gone.
  queue.open()
  ;(await nth(2)).confirm()
  await first
  const next = await nth(3)
  t.same(next.ids, ['2'])
  next.confirm()
  await second
  await queue.close()
})

t.test('nothing is sent while the queue is shut', async (t) => {
  const { queue, sent, nth } = build()
  const published = queue.publish(event('1'))
  await turn()
  t.equal(sent.length, 0)
  queue.open()
  ;(await nth(0)).confirm()
  await published
  queue.shut()
  const second = queue.publish(event('2'))
  await turn()
  t.equal(sent.length, 1)
  queue.open()
  ;(await nth(1)).confirm()
  await second
  await queue.close()
})

t.test('the pauses before a batch that fails again and again grow up to a bound', async (t) => {
  const { queue, clock, sent } = buildRefused(t, 5000)
  const code = codeOf(queue.publish(event('1')))
  await clock.advance(5000)
  t.equal(await code, 'unavailable')
  t.same(
    sent.map(({ at }) => at),
    [0, 100, 300, 700, 1500, 2500, 3500, 4500],
  )
  await queue.close()
})

t.test('what comes after a batch that nobody wants any more does not wait out its pause', async (t) => {
  const { queue, clock, sent } = buildRefused(t, 200)
  const first = codeOf(queue.publish(event('first')))
  await clock.advance(200)
  t.equal(await first, 'unavailable')
  const second = codeOf(queue.publish(event('second')))
  // The batch of the first event would be sent again only at 300.
  t.match(sent.at(-1), { at: 200, batch: /"second"/ }, 'it goes at once')
  await clock.advance(200)
  t.equal(await second, 'unavailable')
  await queue.close()
})

t.test('what is overdue is given up, in flight or waiting, each once, and not sent again', async (t) => {
  let overdue = 0
  const observer: LogObserver = {
    refused(events, reason) {
      t.equal(reason, 'timeout')
      overdue += events
    },
  }
  const { queue, sent, nth, backlog, clock } = build({ publishTimeout: 300 }, observer)
  queue.open()
  const codes = ['1', '2', '3'].map((id) => codeOf(queue.publish(event(id))))
  await clock.advance(299)
  t.equal(overdue, 0)
  await clock.advance(1)
  t.same(await Promise.all(codes), ['unavailable', 'unavailable', 'unavailable'])
  t.equal(overdue, 3)
  t.equal(backlog.events, 0)
  t.equal(backlog.bytes, 0)
  backlog.limits.publishTimeout = 60_000
  const later = queue.publish(event('4'))
  t.equal(sent.length, 1, 'still one batch at a time')
  ;(await nth(0)).fail()
  const next = await nth(1)
  t.same(next.ids, ['4'], 'nobody wants the first one any more')
  next.confirm()
  await later
  await queue.close()
})

t.test('a batch with one event that is still wanted is sent again as a whole', async (t) => {
  const { queue, sent, nth, backlog, clock } = build({ publishTimeout: 300 })
  const first = codeOf(queue.publish(event('1')))
  backlog.limits.publishTimeout = 60_000
  const second = queue.publish(event('2'))
  queue.open()
  t.same(sent[0]?.ids, ['1', '2'])
  await clock.advance(300)
  t.equal(await first, 'unavailable')
  ;(await nth(0)).fail()
  await clock.advance(longestPause)
  const again = await nth(1)
  t.same(again.ids, ['1', '2'])
  again.confirm()
  t.equal(await codeOf(second), undefined)
  await queue.close()
})

t.test('what neither confirms nor fails is reported', async (t) => {
  const { queue, nth, clock, stuck } = build({ publishTimeout: 1000 })
  queue.open()
  const code = codeOf(queue.publish(event('1')))
  await clock.advance(1999)
  t.equal(await code, 'unavailable')
  t.equal(stuck(), 0)
  await clock.advance(1)
  t.equal(stuck(), 1)
  await clock.advance(2000)
  t.equal(stuck(), 2, 'again after as long')
  ;(await nth(0)).fail()
  await queue.close()
})

t.test(
  'close waits for what was published, but not past its time, and refuses what comes later',
  async (t) => {
    const reasons: string[] = []
    const observer: LogObserver = { refused: (_, reason) => reasons.push(reason) }
    const { queue, nth, clock } = build({ publishTimeout: 500 }, observer)
    queue.open()
    const first = queue.publish(event('1'))
    const second = codeOf(queue.publish(event('2')))
    const closed = queue.close()
    t.equal(await codeOf(queue.publish(event('3'))), 'unavailable')
    ;(await nth(0)).confirm()
    await first
    t.same(reasons, ['closed'], 'the second one still has time')
    await clock.advance(500)
    await closed
    t.equal(await second, 'unavailable')
    t.same(reasons, ['closed', 'timeout'])
  },
)

t.test('the confirm time counts from the oldest publish of the batch', async (t) => {
  const confirmed: { seconds: number; events: number; bytes: number }[] = []
  const observer: LogObserver = {
    confirmed: (seconds, events, bytes) => confirmed.push({ seconds, events, bytes }),
  }
  const { queue, nth, clock } = build({}, observer)
  const first = queue.publish(event('1'))
  await clock.advance(50)
  const second = queue.publish(event('2'))
  await clock.advance(200)
  queue.open()
  const { batch, confirm } = await nth(0)
  await clock.advance(1000)
  confirm()
  await Promise.all([first, second])
  t.same(confirmed, [{ seconds: 1.25, events: 2, bytes: batch.length }])
  await queue.close()
  t.equal(clock.pending, 0, 'no timer is left')
})
