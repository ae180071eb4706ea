import type { MessageEvent, PersonalEvent } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { startPushReceiver, until, vapidKeys } from '@rabble/harness'
import type { Test } from 'tap'
import type { Push } from '../../src/push/push.ts'
import { saveSubscription } from '../../src/push/subscriptions.ts'
import { build, ingestOf, timeout, tokens, waitFor } from '../build.ts'
import { onBoth } from '../databases.ts'
import { createMemoryLog } from '../memory-log.ts'
import { message } from '../message.ts'

const keys = vapidKeys()
const direct = { room: 'dm:ada:bob' }
const said = (id: string, more: Partial<MessageEvent> = {}) =>
  message(id, { at: new Date().toISOString(), ...direct, ...more })

async function start(t: Test, database: Database) {
  const receiver = await startPushReceiver(t, keys.publicKey)
  const push: Push = {
    ...keys,
    subject: 'mailto:ops@chat.example',
    hosts: [receiver.host],
    readable: async (_, rooms) => new Set(rooms),
    grace: 0,
    interval: 5,
    backoff: { first: 5, longest: 20 },
  }
  /** Subscribes a browser of a user. Returns its endpoint. */
  async function subscribe(user: string): Promise<string> {
    const { endpoint, keys } = receiver.subscribe()
    await saveSubscription(database, user, { endpoint, ...keys })
    return endpoint
  }
  const has = (...texts: string[]) =>
    until(() => receiver.texts().join() === texts.join(), timeout, `the pushes ${texts}`)
  return { receiver, push, subscribe, has }
}

/** Waits until pushes have their start: messages that are stored before it are not pushed. */
async function waitForStart(database: Database): Promise<void> {
  const find = () => database.query('select sequence from history.push_positions')
  await until(async () => (await find()).length > 0, timeout, 'the start of pushes')
}

/** Waits until everything that is stored was pushed. */
async function waitForPushes(database: Database): Promise<void> {
  await until(
    async () => {
      const [row] = await database.query<{ done: boolean }>(
        `select pushed.sequence = stored.sequence as done
         from history.push_positions pushed join history.positions stored using (partition)`,
      )
      return row?.done === true
    },
    timeout,
    'the position of pushes',
  )
}

await onBoth(async (t, databases) => {
  await t.test('messages are pushed as they are stored, to all browsers of a user', async (t) => {
    const database = await databases.migrated(t)
    const { receiver, push, subscribe } = await start(t, database)
    const endpoints = [await subscribe('bob'), await subscribe('bob')]
    const log = createMemoryLog()
    log.append(said('before'))
    const first = ingestOf(t, log, database)
    await waitFor(database, 1)
    await first.close()
    const { metrics } = ingestOf(t, log, database, { push })
    await waitForPushes(database)
    const joins: PersonalEvent = {
      ...{ type: 'membership', id: 'j', user: 'bob', room: 'general', via: 'g', member: true },
      at: new Date().toISOString(),
    }
    log.append(joins)
    log.append(said('a'), said('b', { room: 'general', mentions: ['bob'] }), said('c', { room: 'general' }))
    await until(() => receiver.texts().length === 4, timeout, 'the pushes')
    await waitForPushes(database)
    t.same(
      receiver.received.map(({ endpoint, payload }) => `${endpoint} ${payload.kind} ${payload.id}`).sort(),
      endpoints.flatMap((endpoint) => [`${endpoint} direct a`, `${endpoint} mention b`]).sort(),
      'nothing from before pushes were configured, and nothing else',
    )
    t.equal((await metrics.pushes.get()).values[0]?.value, 4)
  })

  await t.test('a history that dies while it pushes goes on where it was', async (t) => {
    const database = await databases.migrated(t)
    const { receiver, push, subscribe, has } = await start(t, database)
    await subscribe('bob')
    const log = createMemoryLog()
    const first = ingestOf(t, log, database, { push })
    await waitForStart(database)
    log.append(said('a'))
    await has('text of a')
    await waitForPushes(database)
    // It ends while the push service has not answered.
    receiver.answer = () => {}
    log.append(said('b'))
    await until(() => receiver.received.length === 2, timeout, 'the push that is not answered')
    await first.close()
    log.append(said('c', { room: 'dm:bob:cleo', from: { id: 'cleo', name: 'Cleo' } }))
    receiver.answer = (response) => void response.writeHead(201).end()
    ingestOf(t, log, database, { push })
    await until(() => receiver.texts().length === 3, timeout, 'the others')
    await waitForPushes(database)
    t.same(receiver.texts().toSorted(), ['text of a', 'text of b', 'text of c'])
  })

  await t.test(
    'a push service that comes back gets what waits, and one that says 410 gets no more',
    async (t) => {
      const database = await databases.migrated(t)
      const { receiver, push, subscribe, has } = await start(t, database)
      const statuses = [503, 503]
      receiver.answer = (response) => void response.writeHead(statuses.shift() ?? 201).end()
      await subscribe('bob')
      const log = createMemoryLog()
      ingestOf(t, log, database, { push })
      await waitForStart(database)
      log.append(said('a'))
      await has('text of a')
      receiver.answer = (response) => void response.writeHead(410).end()
      await waitForPushes(database)
      log.append(said('b'))
      await until(
        async () => (await database.query('select user_id from history.push_subscriptions')).length === 0,
        timeout,
        'the end of the subscription',
      )
      await waitForPushes(database)
      const count = receiver.received.length
      log.append(said('c'))
      await waitFor(database, 3)
      await waitForPushes(database)
      t.equal(receiver.received.length, count)
    },
  )

  await t.test(
    'a user who may not read a room gets no push of it, and all wait while that is not known',
    async (t) => {
      const database = await databases.migrated(t)
      const { receiver, push, subscribe } = await start(t, database)
      await subscribe('bob')
      let asked = 0
      const waited: boolean[] = []
      const readable: Push['readable'] = async (user, rooms) => {
        waited.push(metrics.pushWaiting.has(0))
        if (asked++ < 2) throw new Error('the rooms service is away')
        return new Set(user === 'bob' ? rooms.filter((room) => room !== 'secret') : [])
      }
      const log = createMemoryLog()
      const { metrics } = ingestOf(t, log, database, { push: { ...push, readable } })
      await waitForStart(database)
      const joins = (room: string): PersonalEvent => ({
        ...{ type: 'membership', id: `j ${room}`, user: 'bob', room, via: 'g', member: true },
        at: new Date().toISOString(),
      })
      log.append(joins('secret'), joins('general'))
      const call = { mentions: ['bob'] }
      log.append(said('a', { room: 'secret', ...call }), said('b', { room: 'general', ...call }))
      await until(() => receiver.texts().length > 0, timeout, 'a push')
      await waitForPushes(database)
      t.same(receiver.texts(), ['text of b'])
      t.ok(waited.length >= 3 && waited.every(Boolean), 'the lag is reported while they wait')
      await until(() => metrics.pushWaiting.size === 0, timeout, 'the lag to be over')
    },
  )

  await t.test('a device that reads a message in the first seconds keeps it from being pushed', async (t) => {
    const database = await databases.migrated(t)
    const { receiver, push, subscribe, has } = await start(t, database)
    await subscribe('bob')
    await subscribe('ada')
    const log = createMemoryLog()
    const ingest = ingestOf(t, log, database, { push: { ...push, grace: 3_600_000 } })
    await waitForStart(database)
    log.append(said('a'), said('b', { from: { id: 'bob', name: 'Bob' } }))
    await waitFor(database, 2)
    t.equal(receiver.received.length, 0)
    const reads: PersonalEvent = {
      ...{ type: 'read', id: 'r', user: 'ada', ...direct, via: 'g', upTo: 'b' },
      at: new Date().toISOString(),
    }
    log.append(reads)
    await until(
      async () =>
        (
          await database.query(
            "select room from history.conversations where read_id = 'b' and user_id = 'ada'",
          )
        ).length === 1,
      timeout,
      'the reading',
    )
    await ingest.close()
    t.equal(receiver.received.length, 0, 'nothing is ripe yet')
    log.append(said('c'))
    ingestOf(t, log, database, { push })
    await has('text of c')
  })

  await t.test('a page subscribes the browser of its user, and ends that', async (t) => {
    const database = await databases.empty(t)
    const { receiver, push, has } = await start(t, database)
    const { readable: _, ...config } = push
    const log = createMemoryLog()
    const app = build(t, { log, database, push: config })
    const bob = { authorization: `Bearer ${await tokens.sign({ id: 'bob', name: 'Bob' }, 600)}` }
    const url = '/api/push/subscription'
    const ask = async (method: 'PUT' | 'DELETE', payload: object, headers: Record<string, string> = bob) =>
      (await app.inject({ method, url, headers, payload })).statusCode
    const subscription = receiver.subscribe()
    t.same((await app.inject('/api/push')).json(), { publicKey: keys.publicKey })
    await until(async () => (await ask('PUT', subscription)) === 204, timeout, 'the tables')
    t.equal(await ask('PUT', subscription, {}), 401)
    const { endpoint, keys: own } = subscription
    const wrong = [
      {},
      { endpoint },
      { ...subscription, endpoint: 'https://10.0.0.1/' },
      { ...subscription, endpoint: 'http://169.254.169.254/latest/meta-data/' },
      { ...subscription, endpoint: `${endpoint}\0` },
      { ...subscription, keys: { ...own, p256dh: own.auth } },
      { ...subscription, keys: { ...own, auth: 'x' } },
      { ...subscription, keys: { ...own, auth: 7 } },
    ]
    for (const body of wrong) t.equal(await ask('PUT', body), 400, JSON.stringify(body).slice(0, 100))
    await waitForStart(database)
    log.append(said('a'))
    await has('text of a')
    t.equal(await ask('DELETE', { endpoint }, {}), 401)
    t.equal(await ask('DELETE', {}), 400)
    t.equal(await ask('DELETE', { endpoint }), 204)
    t.equal(await ask('DELETE', { endpoint }), 204, 'again')
    log.append(said('b'))
    await waitFor(database, 2)
    await waitForPushes(database)
    t.same(receiver.texts(), ['text of a'])
  })

  await t.test('a history without keys says so, and stores no subscription', async (t) => {
    const database = await databases.empty(t)
    const app = build(t, { log: createMemoryLog(), database })
    t.same((await app.inject('/api/push')).json(), {})
    const headers = { authorization: `Bearer ${await tokens.sign({ id: 'bob', name: 'Bob' }, 600)}` }
    const payload = { endpoint: 'https://fcm.googleapis.com/a', keys: { p256dh: 'p', auth: 'a' } }
    const answer = await app.inject({ method: 'PUT', url: '/api/push/subscription', headers, payload })
    t.equal(answer.statusCode, 404)
    t.equal(answer.json().code, 'not-found')
  })
})
