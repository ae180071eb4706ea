import { randomInt } from 'node:crypto'
import type { MessageEvent } from '@rabble/contract'
import { eventId } from '@rabble/contract/ids'
import {
  assertNothingLeft,
  type ChatClient,
  connectChat,
  createRandom,
  inForm,
  putIntoQueue,
  type QueueMessage,
  type Service,
  sharedRabbitMq,
  startBridge,
  startRabbitMq,
  startService,
  takeFromQueue,
  until,
} from '@rabble/harness'
import t, { type Test } from 'tap'

assertNothingLeft(t)

const timeout = 120_000
const seed = Number(process.env.WORKERS_QUEUE_SEED ?? randomInt(2 ** 31))

/** One of its own in the long form, in which it is killed. */
const own = inForm(undefined, startRabbitMq)
const rabbitmq = await own?.(t)
const broker = rabbitmq ?? (await sharedRabbitMq(t))
const toBroker = await startBridge(t, broker.url)
const env = { RABBLE_AMQP_URL: toBroker.url, LOG_LEVEL: 'warn', RABBLE_PUBLISH_TIMEOUT_MS: '2000' }
// Start one after the other: RabbitMQ may refuse one of two that declare a new stream at once, which is an outage of its own.
const gateways = [await startService(t, 'gateway', env), await startService(t, 'gateway', env)]
await rabbitmq?.streamsSettled()
await until(async () => (await active()).length === 1, timeout, 'a gateway that takes notices')

/** Returns the gateways that take from the queue, as they report it. A dead gateway does not report. */
async function active(): Promise<Service[]> {
  const takes = await Promise.all(
    gateways.map(async ({ url }) => {
      const reply = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(5_000) }).catch(
        () => undefined,
      )
      return /^rabble_gateway_queue_active 1$/m.test((await reply?.text()) ?? '')
    }),
  )
  return gateways.filter((_, n) => takes[n])
}

/** Keeps a client in a room. It reconnects through another gateway whenever the connection is lost. */
function listen(t: Test, room: string) {
  const clients: ChatClient[] = []
  let over = false
  t.teardown(() => {
    over = true
  })
  const messages = () => clients.flatMap((client) => [...client.messages(room)])

  async function connect(n: number): Promise<void> {
    const url = gateways[n % gateways.length]?.url ?? ''
    const client = await connectChat(t, url, { name: `Listener in ${room}` })
    const last = messages().at(-1)
    const joined = await client.join(room, last === undefined ? {} : { after: last.id })
    if (last !== undefined && !joined.complete)
      throw new Error('the gateway does not know all that was missed')
    clients.push(client)
    void client.closed.then(() => comeBack(n + 1))
  }

  async function comeBack(n: number): Promise<void> {
    if (over) return
    await connect(n).catch(() =>
      new Promise((resolve) => setTimeout(resolve, 50)).then(() => comeBack(n + 1)),
    )
  }

  return { connected: connect(0), messages }
}

function notice(fields: object, messageId?: string): QueueMessage {
  return { body: JSON.stringify(fields), options: messageId === undefined ? {} : { messageId } }
}

t.test(
  'what programs put into the queue is told, and what is invalid is set aside with the reason',
  async (t) => {
    const ada = await connectChat(t, gateways[0]?.url ?? '', { name: 'Ada' })
    await ada.join('general')
    const rejected = await takeFromQueue(t, broker.url, 'rabble.notify.rejected')
    const user = ada.user?.id ?? ''
    const invalid: [QueueMessage, RegExp][] = [
      [{ body: 'no JSON' }, /^bad-frame: .*JSON object in UTF-8/],
      [{ body: '' }, /^bad-frame: .*JSON object in UTF-8/],
      [{ body: Buffer.from('{"message":"caf\xe9"}', 'latin1') }, /^bad-frame: .*JSON object in UTF-8/],
      [{ body: 'null' }, /^bad-frame: notify: must be object/],
      [{ body: '['.repeat(10_000) }, /^bad-frame: .*JSON object in UTF-8/],
      [notice({}), /^bad-frame: notify: needs either text or message/],
      [notice({ message: '' }), /^bad-frame: notify: text must not be empty/],
      [notice({ message: 7 }), /^bad-frame: notify: message must be string/],
      [notice({ user, room: 'general', message: 'hi' }), /^bad-frame: notify: needs user or room/],
      [notice({ user: 'a b', message: 'hi' }), /^bad-frame: notify: user must be the id of a user/],
      [notice({ room: ' general', message: 'hi' }), /^bad-frame: notify: room must be the name of a room/],
      [notice({ message: 'x'.repeat(4001) }), /^too-large: .*4000 characters/],
      [notice({ message: 'hi', padding: 'x'.repeat(1_000_000) }), /^too-large: .*65536 bytes/],
      [notice({ message: 'hi' }, 'x'.repeat(129)), /^bad-frame: .*message_id/],
      [notice({ message: 'hi' }, ''), /^bad-frame: .*message_id/],
      [notice({ message: 'hi' }, 'no \ufffd UTF-8'), /^bad-frame: .*well-formed/],
      [notice({ message: 'hi', cid: '\ud800' }), /^bad-frame: .*cid must be well-formed/],
      [notice({ message: '\u3164' }), /^bad-frame: .*invisible/],
      [notice({ message: 'hi', cid: 'a' }, 'b'), /^bad-frame: .*cid in the body/],
      // A message with properties that the broker would refuse if the gateway published them.
      [
        {
          body: 'with properties',
          options: {
            messageId: 'message',
            correlationId: 'correlation',
            contentType: 'text/plain',
            type: 'type',
            appId: 'app',
            userId: new URL(broker.url).username,
            expiration: '60000',
            timestamp: 2 ** 53,
            CC: ['elsewhere'],
            headers: { 'x-rabble-reason': 'mine', nested: { list: [1, 'two', { '!': 'double', value: 3 }] } },
          },
        },
        /^bad-frame: .*JSON/,
      ],
    ]
    const valid = [
      notice({ user, message: 'only you' }, '1'),
      notice({ room: 'general', message: 'all here', unknown: true }, '2'),
      notice({ message: 'everybody' }, '3'),
      notice({ room: 'general', text: 'without a name' }),
      notice({ room: 'general', message: 'the cid may be in the body', cid: '4' }),
      notice({ room: 'general', message: 'the last' }, '5'),
    ]
    const all = [...invalid.flatMap(([bad], n) => [bad, ...valid.slice(n, n + 1)])]
    await putIntoQueue(broker.url, 'rabble.notify', all)
    await ada.sees(eventId('system', 'general', '5'))
    await ada.sees(eventId('system', '*', '3'))
    await ada.sees(eventId('system', `user:${user}`, '1'))
    t.match(
      ada.messages('general').map(({ text, from, cid }) => ({ text, from: from.id, cid })),
      [
        { text: 'all here', from: 'system', cid: '2' },
        { text: 'without a name', from: 'system', cid: undefined },
        { text: 'the cid may be in the body', from: 'system', cid: '4' },
        { text: 'the last', from: 'system', cid: '5' },
      ],
    )
    await until(() => rejected.length >= invalid.length, timeout, 'all that is invalid to be set aside')
    t.equal(rejected.length, invalid.length)
    t.strictSame(
      rejected.map(({ content }) => content.toString('latin1')),
      invalid.map(([{ body }]) => Buffer.from(body).toString('latin1')),
      'the bodies are as they were',
    )
    t.match(
      rejected.map(({ properties }) => properties.headers?.['x-rabble-reason']),
      invalid.map(([, reason]) => reason),
    )
    t.match(rejected.at(-1)?.properties, {
      messageId: 'message',
      correlationId: 'correlation',
      contentType: 'text/plain',
      type: 'type',
      appId: 'app',
      deliveryMode: 2,
    })
    const { expiration, userId } = rejected.at(-1)?.properties ?? {}
    t.same([expiration, userId], [undefined, undefined])
    const counts = [
      `rabble_gateway_queue_rejected_total ${invalid.length}\n`,
      'rabble_gateway_worker_publishes_total{way="amqp",result="published"} 6\n',
      'rabble_gateway_worker_publishes_total{way="amqp",result="too-large"} 2\n',
    ]
    let metrics = ''
    const counted = async () => {
      const [taking] = await active()
      metrics = await (await fetch(`${taking?.url}/metrics`)).text()
      return counts.every((line) => metrics.includes(line))
    }
    // It counts once the broker has confirmed. Other users may have the message by then.
    await until(counted, timeout, 'all to be counted').catch(() => {})
    for (const line of counts) t.match(metrics, line)
  },
)

t.test(
  'notices while the gateways are killed: each once, in order, and each invalid one set aside',
  async (t) => {
    const random = createRandom(seed)
    t.comment(`WORKERS_QUEUE_SEED=${seed}`)
    const listener = listen(t, 'killed')
    await listener.connected
    const rejected = await takeFromQueue(t, broker.url, 'rabble.notify.rejected')
    const notices = Array.from({ length: inForm(500, 2_000) }, (_, n) =>
      n % 10 === 3
        ? notice({ room: 'killed', message: '' }, `${n}`)
        : notice({ room: 'killed', message: `notice ${n}` }, `${n}`),
    )
    let kills = 0
    let producing = true
    const killing = (async () => {
      while (producing || kills < 2) {
        const [victim] = await active()
        if (victim === undefined) continue
        await victim.kill()
        kills++
        await victim.restart()
      }
    })()
    // In portions, so that each gateway that takes over has work to do.
    for (let from = 0; from < notices.length; from += 100) {
      await putIntoQueue(broker.url, 'rabble.notify', notices.slice(from, from + 100))
      await new Promise((resolve) => setTimeout(resolve, random() * 600))
    }
    producing = false
    await killing
    const isValid = (n: number) => n % 10 !== 3
    const numbers = Array.from(notices.keys())
    const wanted = numbers.filter(isValid).map((n) => `${n}`)
    const unwanted = numbers.filter((n) => !isValid(n)).map((n) => `${n}`)
    const cids = () => listener.messages().map((message: MessageEvent) => message.cid ?? '')
    await until(() => new Set(cids()).size >= wanted.length, timeout, 'all notices to be told')
    t.same(cids(), wanted, 'each once, in the order in which they were put into the queue')
    const set = () => new Set(rejected.map(({ properties }) => properties.messageId as string))
    await until(() => set().size >= unwanted.length, timeout, 'all that is invalid to be set aside')
    t.same([...set()].sort(), unwanted.sort())
    t.ok(rejected.every(({ properties }) => /empty/.test(String(properties.headers?.['x-rabble-reason']))))
    t.comment(`${kills} gateways were killed; ${rejected.length} of ${unwanted.length} were set aside`)
  },
)

t.test('the broker is lost: what it had confirmed, and what is sent again, is told once', async (t) => {
  const listener = listen(t, 'outage')
  await listener.connected
  const notices = Array.from({ length: 500 }, (_, n) =>
    notice({ room: 'outage', message: `notice ${n}` }, `${n}`),
  )
  const producing = (async () => {
    for (let from = 0; from < notices.length; from += 50) {
      await putIntoQueue(broker.url, 'rabble.notify', notices.slice(from, from + 50))
    }
  })()
  const cids = () => listener.messages().map(({ cid }) => cid ?? '')
  await until(() => cids().length > 20, timeout, 'the first notices')
  if (rabbitmq === undefined) {
    toBroker.cut()
    await until(async () => (await active()).length === 0, timeout, 'the gateways to notice')
    toBroker.mend()
  } else {
    await rabbitmq.kill()
    await rabbitmq.restart()
  }
  await producing
  const wanted = notices.map((_, n) => `${n}`)
  await until(() => new Set(cids()).size >= wanted.length, timeout, 'all notices to be told')
  t.same(cids().sort(), wanted.sort(), 'each once')
  for (const gateway of gateways) {
    const lines = gateway
      .logs()
      .split('\n')
      .filter((line) => line.includes('RabbitMQ is not available'))
    t.equal(lines.length, 1, 'the outage is logged once')
  }
})
