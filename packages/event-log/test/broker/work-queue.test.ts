import { once } from 'node:events'
import { Deferred } from '@rabble/clock/deferred'
import { RabbleError } from '@rabble/contract'
import { assertNothingLeft, sharedRabbitMq, takeFromQueue, until } from '@rabble/harness'
import { type Channel, connect } from 'amqplib'
import t from 'tap'
import { blockedFrame, startProxy, unblockedFrame } from '../proxy.ts'
import { administrate, timeout } from './build.ts'
import { workQueues } from './work-queue.ts'

// No test here harms the broker itself.

assertNothingLeft(t)

const broker = await sharedRabbitMq(t)
const { build, put } = workQueues(broker)

const unavailable = () => new RabbleError('unavailable', 'not now')

t.test('one process at a time takes tasks, in their order, and another one takes over', async (t) => {
  const one = await build(t, 'turns')
  await one.takes()
  const two = await build(t, 'turns')
  const three = await build(t, 'turns', { clock: two.clock })
  await put('turns', 'a', 'b', 'c', 'd')
  await one.did('d')
  t.same([one.texts(), two.texts(), three.texts()], [['a', 'b', 'c', 'd'], [], []])
  const stranger = administrate(broker, (channel) => channel.consume('turns.tasks', () => {}))
  await t.rejects(stranger, { message: /ACCESS_REFUSED/ })
  await one.close()
  await put('turns', 'e', 'f')
  await two.later(() => two.texts().length + three.texts().length === 2, 'the next process')
  const [next, last] = two.told.active ? [two, three] : [three, two]
  t.same([next.texts(), last.texts()], [['e', 'f'], []])
  t.same(
    [one, two, three].map(({ told }) => told.redelivered),
    [0, 0, 0],
    'done is done',
  )
  t.same([...one.logged, ...two.logged, ...three.logged], [], 'to wait for the turn is no failure')
})

/** Publishes a task. @throws Error with the reason for which the broker refused it */
async function publishAs(url: string, exchange: string, key = ''): Promise<void> {
  const connection = await connect(url)
  try {
    const channel = await connection.createConfirmChannel()
    const refused = once(channel, 'error').then(([error]) => Promise.reject(error))
    refused.catch(() => {})
    channel.publish(exchange, key, Buffer.from('from a worker'), { mandatory: true })
    await Promise.race([channel.waitForConfirms().catch(() => refused), refused])
  } finally {
    await connection.close()
  }
}

t.test(
  'a user that may write to the exchange of a queue alone puts tasks into it, and can do nothing else',
  async (t) => {
    const process = await build(t, 'worker')
    await process.takes()
    const url = await broker.addUser({ configure: '^$', write: '^worker[.]tasks$', read: '^$' })
    await publishAs(url, 'worker.tasks')
    await process.did('from a worker')
    const refused = { message: /ACCESS_REFUSED/ }
    await t.rejects(publishAs(url, 'worker.events'), refused, 'to the log')
    await t.rejects(publishAs(url, '', 'worker.log.0'), refused, 'to the log, past its exchange')
    await t.rejects(publishAs(url, '', 'worker.tasks'), refused, 'to the queue, past its exchange')
    const attempts: Record<string, (channel: Channel) => Promise<unknown>> = {
      'declare a queue': (channel) => channel.assertQueue('mine'),
      'bind a queue': (channel) => channel.bindQueue('worker.tasks', 'worker.events', ''),
      'take tasks': (channel) => channel.consume('worker.tasks', () => {}),
      'read what was set aside': (channel) => channel.get('worker.tasks.rejected'),
      'read the log': (channel) => channel.get('worker.log.0'),
    }
    for (const [what, attempt] of Object.entries(attempts)) {
      await t.rejects(administrate({ url }, attempt), refused, what)
    }
    t.same(process.texts(), ['from a worker'])
    t.same(process.logged, [])
  },
)

t.test('an exchange of another kind with the name of the queue is left as it is', async (t) => {
  await administrate(broker, (channel) => channel.assertExchange('kinds.tasks', 'topic'))
  const process = await build(t, 'kinds')
  await process.takes()
  await put('kinds', 'a')
  await process.did('a')
  t.same(process.logged, ['it exists with other arguments, used as it is'])
})

t.test('tasks that can not be done now come again, in their order', async (t) => {
  const done: string[] = []
  let attempts = 0
  const process = await build(t, 'again', {
    async work({ body }) {
      const text = body.toString()
      if (text === 'a') attempts++
      if (attempts < 3) throw unavailable()
      done.push(text)
    },
  })
  await process.takes()
  await put('again', 'a', 'b', 'c', 'd', 'e')
  await process.later(() => done.length === 5, 'all to be done')
  t.same(done, ['a', 'b', 'c', 'd', 'e'])
  t.ok(process.told.redelivered >= 2)
  t.equal(process.told.setAside, 0)
  // The lines come once, or again if the queue worked for long enough in between.
  const lines = ['RabbitMQ is not available, retrying', 'RabbitMQ is available again']
  t.same(
    process.logged,
    process.logged.map((_, index) => lines[index % 2]),
  )
  t.ok(process.logged.length > 0)
})

t.test('a task that fails for whatever other reason is set aside and holds up nothing', async (t) => {
  const process = await build(t, 'aside', {
    async work({ body }) {
      if (body.toString() === 'bug') throw new TypeError('secret is not a function')
      if (body.toString() === 'bad') throw new RabbleError('bad-frame', 'no good')
    },
  })
  await process.takes()
  const rejected = await takeFromQueue(t, broker.url, 'aside.tasks.rejected')
  await put('aside', 'good', 'bug', 'bad', 'better')
  await until(() => rejected.length === 2 && process.told.setAside === 2, timeout, 'the bad ones')
  await process.did('better')
  t.same(
    rejected.map(({ content, properties }) => [content.toString(), properties.headers?.['x-rabble-reason']]),
    [
      ['bug', 'internal-error: an unexpected error occurred'],
      ['bad', 'bad-frame: no good'],
    ],
  )
  t.same(
    process.logged,
    ['a task failed and was put into the queue of rejected ones'],
    'only the bug is logged',
  )
  t.match(process.told, { active: true, activations: 1, redelivered: 0, setAside: 2 })
})

t.test('queues that are deleted come back, and nothing is acknowledged before it is set aside', async (t) => {
  const process = await build(t, 'deleted', {
    async work() {
      throw new RabbleError('bad-frame', 'no good')
    },
  })
  await process.takes()
  await administrate(broker, (channel) => channel.deleteQueue('deleted.tasks.rejected'))
  await put('deleted', 'bad')
  await process.later(() => process.told.setAside === 1, 'the bad one to be set aside')
  const { messageCount } = await administrate(broker, (channel) =>
    channel.checkQueue('deleted.tasks.rejected'),
  )
  t.equal(messageCount, 1)
  await administrate(broker, (channel) => channel.deleteQueue('deleted.tasks'))
  await process.later(() => process.told.activations >= 3 && process.told.active, 'the queue to be made anew')
  await put('deleted', 'worse')
  await process.did('worse')
})

t.test('closing waits for what is under way, and leaves the rest to the next in its order', async (t) => {
  const { promise, resolve } = new Deferred<void>()
  const one = await build(t, 'close', { work: () => promise })
  await one.takes()
  await put('close', 'a', 'b')
  await one.did('a', 'b')
  const closed = one.close()
  // Closing waits for two seconds, which don't pass on this clock.
  await put('close', 'c', 'd')
  resolve()
  await closed
  const two = await build(t, 'close')
  await two.did('c', 'd')
  t.same(
    [one.texts(), two.texts()],
    [
      ['a', 'b'],
      ['c', 'd'],
    ],
  )
})

t.test('a connection that is lost: what was not acknowledged comes again', async (t) => {
  const proxy = await startProxy(t, broker.url)
  const { promise, resolve } = new Deferred<void>()
  const process = await build(t, 'cut', { work: () => promise, url: proxy.url })
  await process.takes()
  await put('cut', 'a', 'b')
  await process.did('a', 'b')
  for (const connection of [...proxy.connections]) connection.cut()
  resolve()
  await process.later(() => process.told.redelivered === 2, 'both to come again')
  t.same(process.texts(), ['a', 'b', 'a', 'b'])
  await put('cut', 'c')
  await process.did('c')
})

t.test('while the log takes no events, tasks wait', async (t) => {
  const first = await build(t, 'blocked')
  await first.takes()
  await first.close()
  await put('blocked', 'a')
  const proxy = await startProxy(t, broker.url)
  const publishing = () => proxy.connections.find(({ publishes }) => publishes)
  const { log, clock, told, texts, did } = await build(t, 'blocked', {
    url: proxy.url,
    // Fails as a broker that is short of memory does.
    async prepare(log) {
      publishing()?.inject(blockedFrame('low on memory'))
      await until(() => !log.status().connected, timeout, 'the log to be blocked')
    },
  })
  await until(() => told.connected, timeout, 'its connection')
  t.match(log.status(), { reason: /^blocked by the broker/ })
  for (let i = 0; i < 10; i++) {
    // Longer than its pause between checks.
    await clock.advance(2000)
    const { consumerCount } = await administrate(broker, (channel) => channel.checkQueue('blocked.tasks'))
    if (consumerCount > 0) t.fail('it takes tasks that it can not do')
  }
  t.same(texts(), [])
  publishing()?.inject(unblockedFrame)
  await did('a')
})

t.test('a queue that somebody made otherwise is used as it is', async (t) => {
  await administrate(broker, (channel) =>
    channel.assertQueue('other.tasks', { durable: true, arguments: { 'x-max-length': 100 } }),
  )
  const process = await build(t, 'other')
  await put('other', 'a')
  await process.did('a')
  t.same(process.logged, ['it exists with other arguments, used as it is'])
})
