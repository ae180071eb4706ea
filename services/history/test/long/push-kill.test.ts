import type { MessageEvent, PersonalEvent } from '@rabble/contract'
import { connectPostgres, type Database } from '@rabble/database'
import { connectRabbitMqLog, type EventLog } from '@rabble/event-log'
import {
  assertNothingLeft,
  type PushReceiver,
  type Service,
  sharedPostgres,
  sharedRabbitMq,
  startPushReceiver,
  startService,
  until,
  vapidKeys,
} from '@rabble/harness'
import t, { type Test } from 'tap'
import { tokens } from '../build.ts'
import { message } from '../message.ts'

assertNothingLeft(t)

const timeout = 120_000
const keys = vapidKeys()
const secret = 'a secret that is long enough to be one'
/** Rooms of which each has one mention. History is killed after the push service has accepted some of their pushes. */
const rooms = Array.from({ length: 20 }, (_, n) => `room-${n}`)
const browsers = 2
const accepted = 15
/** Number of requests to a push service at a time. */
const parallel = 8

const mention = (room: string, more: Partial<MessageEvent> = {}) =>
  message(`in ${room}`, { room, at: new Date().toISOString(), mentions: ['bob'], ...more })

function personal(id: string, room: string) {
  return { id, user: 'bob', room, at: new Date().toISOString(), via: 'gateway-1' }
}

interface Parts {
  history: Service
  log: EventLog
  database: Database
  receiver: PushReceiver
  publish(...events: (MessageEvent | PersonalEvent)[]): Promise<void>
  /** Waits until everything that is stored was pushed or left out. */
  settled(): Promise<void>
  /** Returns how often the push service got this message, over all browsers of the user. */
  count(room: string): number
}

async function start(t: Test): Promise<Parts> {
  const [broker, server] = await Promise.all([sharedRabbitMq(t), sharedPostgres(t)])
  const url = await server.createDatabase()
  const receiver = await startPushReceiver(t, keys.publicKey)
  const history = await startService(t, 'history', {
    RABBLE_AMQP_URL: broker.url,
    RABBLE_DATABASE_URL: url,
    RABBLE_SECRET: secret,
    RABBLE_VAPID_PUBLIC_KEY: keys.publicKey,
    RABBLE_VAPID_PRIVATE_KEY: keys.privateKey,
    RABBLE_VAPID_SUBJECT: 'mailto:ops@chat.example',
    RABBLE_PUSH_HOSTS: receiver.host,
    LOG_LEVEL: 'warn',
  })
  const log = await connectRabbitMqLog({ url: broker.url })
  t.teardown(() => log.close())
  await until(() => log.status().connected, timeout, 'the log')
  const database = await connectPostgres(url, { connections: 1 })
  t.teardown(() => database.close())
  const authorization = `Bearer ${await tokens.sign({ id: 'bob', name: 'Bob' }, 3_600)}`
  for (let n = 0; n < browsers; n++) {
    const answer = await fetch(`${history.url}/api/push/subscription`, {
      method: 'PUT',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify(receiver.subscribe()),
    })
    t.equal(answer.status, 204)
  }
  const isAt = async (table: string, where: string) =>
    (await database.query(`select from ${table} where ${where}`)).length > 0
  await until(() => isAt('history.push_positions', 'true'), timeout, 'the start of pushes')
  let published = 0
  const publish: Parts['publish'] = async (...events) => {
    published += events.length
    await Promise.all(events.map((event) => log.publish(event)))
  }
  const settled = async () => {
    const stored = `sequence >= ${published}`
    await until(() => isAt('history.positions', stored), timeout, 'all events to be stored')
    const pushed = 'sequence = (select sequence from history.positions)'
    await until(() => isAt('history.push_positions', pushed), timeout, 'the position of pushes')
  }
  const count = (room: string) => receiver.received.filter(({ payload }) => payload.room === room).length
  return { history, log, database, receiver, publish, settled, count }
}

t.test('a history that is killed while it pushes repeats at most the pushes of one step, once', async (t) => {
  const { history, receiver, publish, settled, count } = await start(t)
  const all = [...rooms, 'settled', 'old', 'late-0', 'late-1', 'last']
  await publish(
    ...all.map((room) => ({ ...personal(`j ${room}`, room), type: 'membership' as const, member: true })),
  )
  await publish(mention('settled'))
  await until(() => count('settled') === browsers, timeout, 'the first pushes')
  await settled()

  // The push service accepts some, and then answers no more: the step can't end.
  let left = accepted
  receiver.answer = (response) => {
    if (left-- > 0) response.writeHead(201).end()
  }
  await publish(...rooms.map((room) => mention(room)))
  const before = () => rooms.reduce((sum, room) => sum + count(room), 0)
  await until(() => before() === accepted + parallel, timeout, 'the pushes that are not answered')
  await history.kill()
  const known = new Map(rooms.map((room) => [room, count(room)]))

  receiver.answer = (response) => void response.writeHead(201).end()
  const read = rooms.slice(0, 5)
  const hours = 60 * 60_000
  await publish(
    ...read.map((room) => ({ ...personal(`r ${room}`, room), type: 'read' as const, upTo: `in ${room}` })),
    mention('old', { at: new Date(Date.now() - 3 * hours).toISOString() }),
    mention('late-0'),
    mention('late-1'),
  )
  await history.restart()
  await settled()
  for (const room of read) t.equal(count(room), known.get(room), `${room} was read meanwhile`)
  t.equal(count('old'), 0, 'a message of three hours ago is not pushed')
  for (const room of ['late-0', 'late-1', 'settled']) t.equal(count(room), browsers, `${room}: once`)
  for (const room of rooms.slice(read.length)) {
    const accepted = count(room) - (known.get(room) ?? 0)
    t.equal(accepted, browsers, `${room}: each browser gets it, whether it did before or not`)
  }

  // Each kill may repeat the step that was under way. There is none now.
  const total = receiver.received.length
  await history.kill()
  await history.restart()
  await publish(mention('last'))
  await until(() => count('last') === browsers, timeout, 'the pushes of the last message')
  await settled()
  t.equal(receiver.received.length, total + browsers, 'nothing else is pushed again')
})
