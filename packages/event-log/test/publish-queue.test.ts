import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { Backlog } from '../src/backlog.ts'
import { codeOf, event } from '../src/conformance/fixture.ts'
import { defaultPublishLimits, type LogObserver, type PublishLimits } from '../src/event-log.ts'
import { PublishQueue } from '../src/publish-queue.ts'

interface Sent {
  batch: Buffer
  ids: string[]
  confirm(): void
  fail(): void
}

/** A queue, and what it sent. */
function build(limits: Partial<PublishLimits> = {}, observer: LogObserver = {}) {
  const sent: Sent[] = []
  let stuck = 0
  const backlog = new Backlog({ ...defaultPublishLimits, publishTimeout: 60_000, ...limits }, observer)
  const queue = new PublishQueue({
    backlog,
    send: (batch) =>
      new Promise((resolve, reject) => {
        const ids = [...batch.toString().matchAll(/"id":"([^"]*)"/g)].map((match) => match[1] ?? '')
        sent.push({ batch, ids, confirm: resolve, fail: () => reject(new Error('lost')) })
      }),
    stuck: () => stuck++,
  })
  async function nth(n: number): Promise<Sent> {
    while (sent.length <= n) await turn()
    return sent[n] as Sent
  }
  return { queue, sent, nth, backlog, stuck: () => stuck }
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

t.test('a batch is limited in events and in bytes, but takes any one event', async (t) => {
  const { queue, nth } = build({ maxWaitingBytes: 10_000_000 })
  for (let i = 0; i < 2100; i++) void queue.publish(event('small'))
  for (let i = 0; i < 6; i++) void queue.publish(event('large', 'r', 'x'.repeat(100_000)))
  void queue.publish(event('huge', 'r', 'x'.repeat(1_000_000)))
  queue.open()
  const counts: number[] = []
  for (let n = 0; n < 6; n++) {
    const sent = await nth(n)
    counts.push(sent.ids.length)
    t.ok(sent.ids.length === 1 || sent.batch.length <= 256 * 1024)
    sent.confirm()
  }
  t.same(counts, [1000, 1000, 102, 2, 2, 1])
  await queue.close()
})

t.test('a batch whose confirm was lost is sent again, the same bytes, before anything else', async (t) => {
  const retried: number[] = []
  const { queue, nth } = build({}, { retried: (events) => retried.push(events) })
  queue.open()
  const first = queue.publish(event('1'))
  const second = queue.publish(event('2'))
  ;(await nth(0)).fail()
  const again = await nth(1)
  t.equal(again.batch, (await nth(0)).batch)
  t.same(retried, [1])
  queue.shut()
  again.fail()
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

t.test('a batch that fails again and again is not sent in a loop without a pause', async (t) => {
  let sends = 0
  const queue = new PublishQueue({
    backlog: new Backlog({ ...defaultPublishLimits, publishTimeout: 400 }, {}),
    send: async () => {
      sends++
      throw new Error('refused')
    },
  })
  queue.open()
  t.equal(await codeOf(queue.publish(event('1'))), 'unavailable')
  t.ok(sends > 1 && sends < 100, `sent ${sends} times`)
  await queue.close()
})

t.test('what comes after a batch that nobody wants any more does not wait out its pause', async (t) => {
  const sent: string[] = []
  const backlog = new Backlog({ ...defaultPublishLimits, publishTimeout: 300 }, {})
  const queue = new PublishQueue({
    backlog,
    async send(batch) {
      sent.push(batch.toString())
      throw new Error('refused')
    },
  })
  queue.open()
  t.equal(await codeOf(queue.publish(event('first'))), 'unavailable')
  const second = codeOf(queue.publish(event('second')))
  t.match(sent.at(-1), /"second"/, 'it goes at once')
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
  const { queue, sent, nth, backlog } = build({ publishTimeout: 300 }, observer)
  queue.open()
  const codes = ['1', '2', '3'].map((id) => codeOf(queue.publish(event(id))))
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
  const { queue, sent, nth, backlog } = build({ publishTimeout: 300 })
  const first = codeOf(queue.publish(event('1')))
  backlog.limits.publishTimeout = 60_000
  const second = queue.publish(event('2'))
  queue.open()
  t.same(sent[0]?.ids, ['1', '2'])
  t.equal(await first, 'unavailable')
  ;(await nth(0)).fail()
  const again = await nth(1)
  t.same(again.ids, ['1', '2'])
  again.confirm()
  t.equal(await codeOf(second), undefined)
  await queue.close()
})

t.test('what neither confirms nor fails is reported', async (t) => {
  const { queue, nth, stuck } = build({ publishTimeout: 30 })
  queue.open()
  t.equal(await codeOf(queue.publish(event('1'))), 'unavailable')
  while (stuck() === 0) await turn()
  ;(await nth(0)).fail()
  await queue.close()
})

t.test(
  'close waits for what was published, but not past its time, and refuses what comes later',
  async (t) => {
    const reasons: string[] = []
    const { queue, nth } = build({ publishTimeout: 500 }, { refused: (_, reason) => reasons.push(reason) })
    queue.open()
    const first = queue.publish(event('1'))
    const second = codeOf(queue.publish(event('2')))
    const closed = queue.close()
    t.equal(await codeOf(queue.publish(event('3'))), 'unavailable')
    ;(await nth(0)).confirm()
    await first
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
  const { queue, nth } = build({}, observer)
  const all = ['1', '2'].map((id) => queue.publish(event(id)))
  await new Promise((resolve) => setTimeout(resolve, 50))
  queue.open()
  ;(await nth(0)).confirm()
  await Promise.all(all)
  const [only] = confirmed
  t.match(only, { events: 2, bytes: (await nth(0)).batch.length })
  t.ok(only !== undefined && only.seconds >= 0.049, `${only?.seconds} s`)
  await queue.close()
})
