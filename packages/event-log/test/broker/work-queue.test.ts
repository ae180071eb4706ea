import { setTimeout as sleep } from 'node:timers/promises'
import { RabbleError } from '@rabble/contract'
import { assertNothingLeft, putIntoQueue, startRabbitMq, takeFromQueue, until } from '@rabble/harness'
import { type Channel, connect } from 'amqplib'
import t, { type Test } from 'tap'
import { event, patientLimits } from '../../src/conformance/fixture.ts'
import { connectRabbitMqLog, type DoTask, type Task } from '../../src/index.ts'
import { startProxy } from '../proxy.ts'

assertNothingLeft(t)

const patience = 60_000
const broker = await startRabbitMq(t)

/** A process that takes tasks from the queue `<prefix>.tasks`, and all that it tells. */
async function build(t: Test, prefix: string, options: { work?: DoTask; url?: string } = {}) {
  const tasks: Task[] = []
  const logged: string[] = []
  const told = { active: false, activations: 0, redelivered: 0, setAside: 0 }
  const note = (_: object, message: string) => logged.push(message)
  const log = await connectRabbitMqLog({
    url: options.url ?? broker.url,
    prefix,
    limits: patientLimits,
    logger: { info: note, warn: note, error: note },
  })
  await log.publish(event('1'))
  const work: DoTask = (task) => {
    tasks.push(task)
    return options.work?.(task) ?? Promise.resolve()
  }
  const queue = log.takeWork('tasks', work, {
    active(active) {
      told.active = active
      if (active) told.activations++
    },
    redelivered: () => told.redelivered++,
    setAside: () => told.setAside++,
  })
  const close = async () => {
    await queue.close()
    await log.close()
  }
  t.teardown(close)
  return {
    log,
    told,
    logged,
    close,
    texts: () => tasks.map(({ body }) => body.toString()),
    takes: () => until(() => told.active, patience, 'the process to take tasks'),
    did: (...wanted: string[]) =>
      until(
        () => wanted.every((text) => tasks.some(({ body }) => body.toString() === text)),
        patience,
        'tasks',
      ),
  }
}

function put(prefix: string, ...bodies: string[]): Promise<void> {
  return putIntoQueue(
    broker.url,
    `${prefix}.tasks`,
    bodies.map((body) => ({ body })),
  )
}

/** Does something at the broker, as an operator would. */
async function administrate<Result>(work: (channel: Channel) => Promise<Result>): Promise<Result> {
  const connection = await connect(broker.url)
  try {
    const channel = await connection.createChannel()
    // What goes wrong is told by the call as well.
    channel.on('error', () => {})
    return await work(channel)
  } finally {
    await connection.close()
  }
}

/** Promise.withResolvers, as far as needed here. */
function gate() {
  let open: () => void = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, opened }
}

const unavailable = () => new RabbleError('unavailable', 'not now')

t.test('one process at a time takes tasks, in their order, and another one takes over', async (t) => {
  const one = await build(t, 'turns')
  await one.takes()
  const two = await build(t, 'turns')
  const three = await build(t, 'turns')
  await put('turns', 'a', 'b', 'c', 'd')
  await one.did('d')
  t.same([one.texts(), two.texts(), three.texts()], [['a', 'b', 'c', 'd'], [], []])
  const stranger = administrate((channel) => channel.consume('turns.tasks', () => {}))
  await t.rejects(stranger, { message: /ACCESS_REFUSED/ })
  await one.close()
  await put('turns', 'e', 'f')
  await until(() => two.texts().length + three.texts().length === 2, patience, 'the next process')
  const [next, last] = two.told.active ? [two, three] : [three, two]
  t.same([next.texts(), last.texts()], [['e', 'f'], []])
  t.same(
    [one, two, three].map(({ told }) => told.redelivered),
    [0, 0, 0],
    'done is done',
  )
  t.same([...one.logged, ...two.logged, ...three.logged], [], 'to wait for the turn is no failure')
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
  await until(() => done.length === 5, patience, 'all to be done')
  t.same(done, ['a', 'b', 'c', 'd', 'e'])
  t.ok(process.told.redelivered >= 2)
  t.equal(process.told.setAside, 0)
  // Once for all of it, or again where it was well for long enough in between to say so.
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
  await until(() => rejected.length === 2 && process.told.setAside === 2, patience, 'the bad ones')
  await process.did('better')
  t.same(
    rejected.map(({ content, properties }) => [content.toString(), properties.headers?.['x-rabble-reason']]),
    [
      ['bug', 'internal-error: something went wrong here'],
      ['bad', 'bad-frame: no good'],
    ],
  )
  t.same(process.logged, ['a task failed and is set aside'], 'only the bug is logged')
  t.same(process.told, { active: true, activations: 1, redelivered: 0, setAside: 2 })
})

t.test('queues that are deleted come back, and nothing is acknowledged before it is set aside', async (t) => {
  const process = await build(t, 'deleted', {
    async work() {
      throw new RabbleError('bad-frame', 'no good')
    },
  })
  await process.takes()
  await administrate((channel) => channel.deleteQueue('deleted.tasks.rejected'))
  await put('deleted', 'bad')
  await until(() => process.told.setAside === 1, patience, 'the bad one to be set aside')
  const { messageCount } = await administrate((channel) => channel.checkQueue('deleted.tasks.rejected'))
  t.equal(messageCount, 1)
  await administrate((channel) => channel.deleteQueue('deleted.tasks'))
  await until(
    () => process.told.activations >= 3 && process.told.active,
    patience,
    'the queue to be made anew',
  )
  await put('deleted', 'worse')
  await process.did('worse')
})

t.test('closing waits for what is under way, and leaves the rest to the next in its order', async (t) => {
  const { open, opened } = gate()
  const one = await build(t, 'close', { work: () => opened })
  await one.takes()
  await put('close', 'a', 'b')
  await one.did('a', 'b')
  const closed = one.close()
  const more = put('close', 'c', 'd')
  // Not for longer: closing doesn't wait for ever.
  await Promise.race([more, sleep(1_000)])
  open()
  await closed
  await more
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
  const { open, opened } = gate()
  const process = await build(t, 'cut', { work: () => opened, url: proxy.url })
  await process.takes()
  await put('cut', 'a', 'b')
  await process.did('a', 'b')
  for (const connection of [...proxy.connections]) connection.cut()
  open()
  await until(() => process.told.redelivered === 2, patience, 'both to come again')
  t.same(process.texts(), ['a', 'b', 'a', 'b'])
  await put('cut', 'c')
  await process.did('c')
})

t.test('while the log takes no events, tasks wait', async (t) => {
  const first = await build(t, 'blocked')
  await first.takes()
  await first.close()
  await put('blocked', 'a')
  const log = await connectRabbitMqLog({
    url: broker.url,
    prefix: 'blocked',
    limits: { publishTimeout: 200 },
  })
  t.teardown(() => log.close())
  await broker.shortOfMemory(true)
  // A broker that is short of memory says so to those that publish.
  const blocked = async () => {
    await log.publish(event('2')).catch(() => {})
    return log.status().reason?.startsWith('blocked by the broker') === true
  }
  await until(blocked, patience, 'the broker to block the log')
  const done: string[] = []
  const work: DoTask = async ({ body }) => {
    done.push(body.toString())
  }
  const queue = log.takeWork('tasks', work)
  t.teardown(() => queue.close())
  for (let i = 0; i < 20; i++) {
    await sleep(100)
    const { consumerCount } = await administrate((channel) => channel.checkQueue('blocked.tasks'))
    if (consumerCount > 0) t.fail('it takes tasks that it can not do')
  }
  t.same(done, [])
  await broker.shortOfMemory(false)
  await until(() => done.length === 1, patience, 'the task to be done')
})

t.test('a queue that somebody made otherwise is used as it is', async (t) => {
  await administrate((channel) =>
    channel.assertQueue('other.tasks', { durable: true, arguments: { 'x-max-length': 100 } }),
  )
  const process = await build(t, 'other')
  await put('other', 'a')
  await process.did('a')
  t.same(process.logged, ['it exists with other arguments, used as it is'])
})
