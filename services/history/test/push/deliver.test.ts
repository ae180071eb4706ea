import type { Clock } from '@rabble/clock'
import { createManualClock } from '@rabble/clock/manual'
import { type PushReceiver, startPushReceiver, until, vapidKeys } from '@rabble/harness'
import { Registry } from 'prom-client'
import t, { type Test } from 'tap'
import { createMetrics } from '../../src/metrics.ts'
import { createDelivery } from '../../src/push/deliver.ts'
import type { DuePush } from '../../src/push/due.ts'
import { timeout } from '../build.ts'

const keys = vapidKeys()

async function start(t: Test) {
  const receiver = await startPushReceiver(t, keys.publicKey)
  const clock = createManualClock()
  const registry = new Registry()
  const metrics = createMetrics(registry, clock)
  const stop = new AbortController()
  const lines: string[] = []
  const note = (level: string) => (fields: object, text: string) =>
    void lines.push(`${level}: ${text} ${JSON.stringify(fields)}`)
  const logger = { info: note('info'), warn: note('warn'), error: note('error') }
  // Requests take real time, in which the clock may pass any limit.
  const push = {
    ...keys,
    subject: 'mailto:ops@chat.example',
    hosts: [receiver.host],
    readable: async () => new Set<string>(),
    timeout: 1e9,
  }
  /** Pauses (ms) that it has made. */
  const pauses: number[] = []
  const noted: Clock = {
    ...clock,
    sleep(milliseconds, options) {
      pauses.push(milliseconds)
      return clock.sleep(milliseconds, options)
    },
  }
  const delivery = createDelivery(push, { clock: noted, logger, metrics, signal: stop.signal })
  const metric = async (name: string, reason?: string) => {
    const values = (await registry.getSingleMetric(`rabble_history_${name}`)?.get())?.values ?? []
    return values
      .filter(({ labels }) => reason === undefined || labels.reason === reason)
      .reduce((sum, { value }) => sum + value, 0)
  }
  /** Waits until so many pushes were not accepted, and for the pause before the next attempt. */
  const failures = (count: number) =>
    until(
      async () => (await metric('push_failures_total')) === count && clock.pending === 1,
      timeout,
      `failure ${count}`,
    )
  return { receiver, clock, delivery, lines, metric, failures, pauses }
}

function dueAt(receiver: PushReceiver, more: Partial<DuePush> = {}): DuePush {
  const { endpoint, keys } = receiver.subscribe()
  const from = { id: 'ada', name: 'Ada' }
  return { endpoint, ...keys, user: 'bob', room: 'dm:ada:bob', id: 'm1', from, text: 'between us', ...more }
}

t.test('a push is encrypted for its browser and signed, and says how urgent it is', async (t) => {
  const { receiver, delivery, metric, lines } = await start(t)
  const due = dueAt(receiver)
  t.same(await delivery.send([due]), { accepted: [due.endpoint], gone: [], refused: [] })
  const [push] = receiver.received
  t.equal(receiver.received.length, 1)
  t.match(push?.payload, { kind: 'direct', peer: 'ada', from: 'Ada', text: 'between us' })
  t.match(push?.headers, { ttl: '86400', urgency: 'high', topic: /^[\w-]{32}$/ })
  t.match(push?.vapid, { aud: `http://${receiver.host}`, sub: 'mailto:ops@chat.example' })
  t.equal(await metric('pushes_total'), 1)
  t.same(lines, [])
})

t.test(
  'a push that is not accepted is sent again after growing pauses, or when the service says',
  async (t) => {
    const { receiver, clock, delivery, metric, failures, lines, pauses } = await start(t)
    const answers: [number, object?][] = [[503], [429, { 'retry-after': '5' }], [503]]
    receiver.answer = (response) => {
      const [status = 201, headers = {}] = answers.shift() ?? []
      response.writeHead(status, headers as Record<string, string>).end()
    }
    const due = dueAt(receiver)
    const sending = delivery.send([due])
    for (let count = 1; count <= 3; count++) {
      await failures(count)
      t.equal(await metric('pushes_pending'), 1, 'it waits for another attempt')
      await clock.advance(5_000)
    }
    t.same(await sending, { accepted: [due.endpoint], gone: [], refused: [] })
    t.equal(await metric('pushes_pending'), 0)
    t.same(receiver.texts(), ['between us'])
    t.equal(receiver.received.length, 4)
    const [first = 0, second, third = 0] = pauses
    t.ok(first >= 500 && first <= 1_000, `${first} ms`)
    t.equal(second, 5_000, 'as long as the service asks for')
    t.ok(third >= 2_000 && third <= 4_000, `${third} ms`)
    t.equal(await metric('push_failures_total', '429'), 1)
    t.same(lines, [], 'it went well in the end')
  },
)

t.test('a browser that has ended its subscription is told of, and gets no other attempt', async (t) => {
  const { receiver, delivery, metric } = await start(t)
  const [gone, lost, here] = [dueAt(receiver), dueAt(receiver), dueAt(receiver)]
  const statuses = new Map([
    [gone.endpoint, 410],
    [lost.endpoint, 404],
  ])
  receiver.answer = (response, { endpoint }) => void response.writeHead(statuses.get(endpoint) ?? 201).end()
  const answers = await delivery.send([gone, lost, here])
  t.same(answers.accepted, [here.endpoint])
  t.same(new Set(answers.gone), new Set([gone.endpoint, lost.endpoint]))
  t.equal(receiver.received.length, 3)
  t.equal(await metric('push_failures_total', 'gone'), 2)
  t.equal(await metric('pushes_given_up_total'), 0)
})

t.test(
  'a refusal counts only if the service accepts something else, and no redirect is followed',
  async (t) => {
    const { receiver, delivery, metric } = await start(t)
    const [bad, good] = [dueAt(receiver), dueAt(receiver)]
    let isSick = false
    receiver.answer = (response, { endpoint }) => {
      const status = endpoint === bad.endpoint ? 301 : isSick ? 403 : 201
      response.writeHead(status, { location: good.endpoint }).end()
    }
    t.same(await delivery.send([bad, good]), {
      ...{ accepted: [good.endpoint], gone: [], refused: [bad.endpoint] },
    })
    t.equal(receiver.received.length, 2)
    isSick = true
    t.same(await delivery.send([bad, good]), { accepted: [], gone: [], refused: [] })
    t.equal(await metric('push_failures_total', 'redirect'), 2)
    t.equal(await metric('push_failures_total', '4xx'), 1)
    t.equal(await metric('pushes_given_up_total'), 3)
  },
)

t.test('a service that is down is logged once, and others don’t wait long for it', async (t) => {
  const { receiver, clock, delivery, lines, metric, failures } = await start(t)
  receiver.answer = (response) => void response.writeHead(500).end()
  const due = dueAt(receiver)
  const sending = delivery.send([due])
  for (let count = 1; count < 4; count++) {
    await failures(count)
    await clock.advance(8_000)
  }
  t.same(await sending, { accepted: [], gone: [], refused: [] })
  t.equal(await metric('pushes_pending'), 0, 'it is given up')
  t.equal(receiver.received.length, 4)
  t.match(lines, [/^error: a push service does not accept pushes .*status 500/])
  t.notMatch(lines.join(), due.endpoint.split('/').at(-1) ?? '', 'the endpoint is a secret')
  await delivery.send([due])
  t.equal(receiver.received.length, 5, 'one attempt, without a pause')
  t.equal(await metric('pushes_given_up_total'), 2)
  t.equal(lines.length, 1)
  receiver.answer = (response) => void response.writeHead(201).end()
  await delivery.send([due])
  t.equal(lines.length, 2)
  t.match(lines[1], /^info: .*accepts pushes again/)
})

t.test('nothing is sent to a host that is no longer allowed', async (t) => {
  const { receiver, delivery } = await start(t)
  const elsewhere = dueAt(receiver, { endpoint: 'http://127.0.0.1:9/push/a' })
  t.same(await delivery.send([elsewhere]), { accepted: [], gone: [], refused: [] })
  t.equal(receiver.received.length, 0)
})
