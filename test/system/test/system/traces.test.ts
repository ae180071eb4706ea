import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  assertNothingLeft,
  connectChat,
  type OtlpReceiver,
  putIntoQueue,
  type ReceivedSpan,
  startCluster,
  startOtlpReceiver,
  until,
} from '@rabble/harness'
import { createTokens } from '@rabble/service'
import t from 'tap'

assertNothingLeft(t)

const collector = await startOtlpReceiver(t)
/** Headers `traceparent` that the before-publish hook of the second gateway got. It allows everything. */
const asked: unknown[] = []
const hook = createServer((request, response) => {
  asked.push(request.headers.traceparent)
  request.resume().on('end', () => response.writeHead(204).end())
})
hook.listen(0, '127.0.0.1')
await once(hook, 'listening')
t.teardown(() => {
  hook.close()
  hook.closeAllConnections()
})
const hookUrl = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`
const cluster = await startCluster(t, {
  rooms: 0,
  nginx: false,
  gatewayEnv: (n): Record<string, string> =>
    n === 1
      ? {
          RABBLE_BEFORE_PUBLISH_URL: hookUrl,
          RABBLE_BEFORE_PUBLISH_SECRET: `whsec_${Buffer.alloc(32).toString('base64')}`,
        }
      : {},
  env: {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_TRACES_SAMPLER: 'parentbased_always_on',
  },
})
const token = await createTokens(cluster.secret).sign({ id: 'program', name: 'Program' }, 3_600, ['service'])
const [ada, bob] = await Promise.all(
  cluster.gateways.slice(0, 2).map(({ url }, n) => connectChat(t, url, { name: ['Ada', 'Bob'][n] ?? '' })),
)
if (ada === undefined || bob === undefined) throw new Error('there are two gateways')
await Promise.all([ada.join('tea room'), bob.join('tea room')])

/** Returns the trace of a message, once it has a number of spans. */
async function traceOf({ spans }: OtlpReceiver, id: string, count: number): Promise<ReceivedSpan[]> {
  const trace = () => {
    const published = spans.find(
      (span) => span.name === 'publish' && span.attributes['messaging.message.id'] === id,
    )
    return spans.filter(({ traceId }) => traceId === published?.traceId)
  }
  await until(() => trace().length >= count, 60_000, `${count} spans of the trace`)
  return trace()
}

/** Returns spans as lines such as `gateway-1 deliver < publish`, with the names of parents. */
function described(trace: readonly ReceivedSpan[]): string[] {
  const nameOf = (id: string | undefined) =>
    trace.find(({ spanId }) => spanId === id)?.name ?? id ?? 'nothing'
  const placeOf = ({ resource }: ReceivedSpan) =>
    resource['service.name'] === 'rabble-gateway'
      ? String(resource['service.instance.id']).replace(/-\w{8}$/, '')
      : String(resource['service.name'])
  return trace.map((span) => `${placeOf(span)}: ${span.name} < ${nameOf(span.parentSpanId)}`).sort()
}

t.test('a message is one trace from its frame over the log to both gateways and history', async (t) => {
  await ada.join('alone')
  const alone = await ada.send('alone', 'a private text')
  const { id } = await ada.send('tea room', 'a private text')
  const seen = await bob.sees(id)
  const trace = await traceOf(collector, id, 5)
  t.same(described(trace), [
    'gateway-1: deliver < publish',
    'gateway-1: publish < send',
    'gateway-1: send < nothing',
    'gateway-2: deliver < publish',
    'rabble-history: project < publish',
  ])
  const publish = trace.find(({ name }) => name === 'publish')
  for (const { name, start } of trace) {
    if (name === 'deliver' || name === 'project') t.ok(start >= (publish?.start ?? start), name)
  }
  t.notMatch(JSON.stringify(seen), /trace/, 'clients get nothing of it')
  t.same(
    described(await traceOf(collector, alone.id, 4)),
    [
      'gateway-1: deliver < publish',
      'gateway-1: publish < send',
      'gateway-1: send < nothing',
      'rabble-history: project < publish',
    ],
    'a gateway without a receiver delivers nothing',
  )
})

t.test(
  'a question to the program that checks messages is a part of the trace, which it learns',
  async (t) => {
    const { id } = await bob.send('tea room', 'a private text')
    const trace = await traceOf(collector, id, 6)
    t.match(described(trace), ['gateway-1: deliver < publish', 'gateway-2: POST 127.0.0.1 < send'])
    const question = trace.find(({ kind }) => kind === 'client')
    t.same(asked, [`00-${question?.traceId}-${question?.spanId}-01`])
  },
)

t.test('a program that traces finds its message in its own trace', async (t) => {
  const traceId = 'ab'.repeat(16)
  const answer = await fetch(`${cluster.gateways[1]?.url}/api/rooms/tea%20room/messages`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
    },
    body: JSON.stringify({ text: 'a private text' }),
  })
  const { id } = (await answer.json()) as { id: string }
  const trace = await traceOf(collector, id, 5)
  t.same(described(trace), [
    'gateway-1: deliver < publish',
    'gateway-2: POST /api/rooms/:room/messages < 00f067aa0ba902b7',
    'gateway-2: deliver < publish',
    'gateway-2: publish < POST /api/rooms/:room/messages',
    'rabble-history: project < publish',
  ])
  t.equal(trace[0]?.traceId, traceId)
})

t.test('a notification from the queue has a trace', async (t) => {
  const body = JSON.stringify({ room: 'tea room', text: 'a private text' })
  await putIntoQueue(cluster.amqpUrl, 'rabble.notify', [{ body }])
  const { id = '' } = (await ada.waitFor(
    (frame) => frame.type === 'message' && frame.from.id === 'system',
  )) as {
    id?: string
  }
  const trace = await traceOf(collector, id, 5)
  t.same(
    described(trace)
      .map((line) => line.replace(/^gateway-.: (?=notify|publish)/, 'a gateway: '))
      .sort(),
    [
      'a gateway: notify < nothing',
      'a gateway: publish < notify',
      'gateway-1: deliver < publish',
      'gateway-2: deliver < publish',
      'rabble-history: project < publish',
    ].sort(),
  )
})

t.test('what history is asked for a frame is a part of its trace', async (t) => {
  const unknown = { type: 'react', room: 'tea room', id: 'of-nobody', emoji: '👍' } as const
  await t.rejects(ada.request<'react'>(unknown), { code: 'message-not-found' })
  const trace = () => {
    const frame = collector.spans.find(({ name }) => name === 'react')
    return collector.spans.filter(({ traceId }) => traceId === frame?.traceId)
  }
  await until(
    () => trace().some(({ resource }) => resource['service.name'] === 'rabble-history'),
    60_000,
    'history',
  )
  t.same(
    [...new Set(described(trace()))].map((line) => line.replace(/POST \/internal\S+/, 'POST /internal/…')),
    [
      'gateway-1: POST 127.0.0.1 < react',
      'gateway-1: react < nothing',
      'rabble-history: POST /internal/… < POST 127.0.0.1',
    ],
  )
  t.match(
    trace().find(({ name }) => name === 'react'),
    {
      isError: true,
      attributes: { 'error.type': 'message-not-found', 'rabble.transport': 'websocket' },
    },
  )
})

t.test('no text, no token, no user and no room is in any span', async (t) => {
  const users = [ada.user?.id ?? '', bob.user?.id ?? '', 'program']
  for (const body of collector.bodies) {
    for (const part of [...users, 'private text', 'tea room', 'tea%20room', 'Ada', 'Bob', token])
      t.notOk(body.includes(part), part)
  }
})
