import type { EventLog } from '@rabble/event-log'
import { connectRabbitMqLog } from '@rabble/event-log'
import { inForm, sharedPostgres, sharedRabbitMq, startBridge, startService, until } from '@rabble/harness'
import t, { type Test } from 'tap'
import { timeout, tokens } from '../build.ts'
import { message } from '../message.ts'

const secret = 'a secret that is long enough to be one'

async function messagesOf(url: string, room = 'general', token = ''): Promise<string[]> {
  const ids: string[] = []
  for (;;) {
    const cursor = ids.length > 0 ? `&before=${ids[0]}` : ''
    const reply = await fetch(`${url}/api/rooms/${room}/messages?limit=200${cursor}`, {
      headers: token === '' ? {} : { authorization: `Bearer ${token}` },
    })
    if (!reply.ok) throw new Error(`${reply.status} ${await reply.text()}`)
    const page = (await reply.json()) as { messages: { id: string }[]; hasMore: boolean }
    ids.unshift(...page.messages.map(({ id }) => id))
    if (!page.hasMore) return ids
  }
}

/** Returns the messages once there are `count`. Repeats a read that takes too long on a slow machine. */
async function storedOf(url: string, count: number): Promise<string[]> {
  let ids: string[] = []
  await until(
    async () => {
      ids = await messagesOf(url)
      return ids.length >= count
    },
    timeout,
    `${count} messages`,
  )
  return ids
}

async function publish(log: EventLog, from: number, to: number): Promise<string[]> {
  const ids = Array.from({ length: to - from }, (_, n) => `m${from + n}`)
  await Promise.all(ids.map((id) => log.publish(message(id))))
  return ids
}

async function openLog(t: Test, url: string): Promise<EventLog> {
  const log = await connectRabbitMqLog({ url, limits: { publishTimeout: timeout } })
  t.teardown(() => log.close())
  await until(() => log.status().connected, timeout, 'the log')
  return log
}

/** Numbers of messages: before the kill, during it, and after it. */
const [few, most, all] = inForm([200, 1_000, 1_100], [500, 3_000, 3_200]) as [number, number, number]

t.test('the process, with RabbitMQ and PostgreSQL', async (t) => {
  const [broker, server] = await Promise.all([sharedRabbitMq(t), sharedPostgres(t)])
  const toBroker = await startBridge(t, broker.url)
  const toDatabase = await startBridge(t, await server.createDatabase())
  const env = {
    RABBLE_AMQP_URL: toBroker.url,
    RABBLE_DATABASE_URL: toDatabase.url,
    RABBLE_SECRET: secret,
  }
  toDatabase.cut()

  const service = await startService(t, 'history', env, { wait: 'live' })

  await t.test('lives while PostgreSQL is out of reach, but is not ready', async (t) => {
    const reply = await fetch(`${service.url}/readyz`)
    t.equal(reply.status, 503)
    t.match(await reply.json(), { status: 'unready', checks: { ingest: /not prepared/ } })
    toDatabase.mend()
    await service.ready()
  })

  const log = await openLog(t, broker.url)
  const ids = await publish(log, 0, few)

  await t.test('gives what the log holds', async (t) => {
    await log.publish(message('d', { room: 'dm:ada:bob' }))
    t.same(await storedOf(service.url, few), ids)
    const token = await tokens.sign({ id: 'bob', name: 'Bob' }, 3600)
    await until(
      async () => (await messagesOf(service.url, 'dm:ada:bob', token)).length > 0,
      timeout,
      'the dm',
    )
    t.equal((await fetch(`${service.url}/api/rooms/dm:ada:bob/messages`)).status, 401)
  })

  await t.test('goes on where it was killed, with nothing missing or twice', async (t) => {
    const more = publish(log, few, most)
    await storedOf(service.url, few + 1)
    await service.kill()
    ids.push(...(await more))
    ids.push(...(await publish(log, most, all)))
    await service.restart()
    t.same(await storedOf(service.url, all), ids)
  })

  await t.test('is read, and ready, while the broker is out of reach, and says so', async (t) => {
    const readiness = async () => {
      const reply = await fetch(`${service.url}/readyz`)
      const { notes } = (await reply.json()) as { notes?: { log?: string } }
      return { status: reply.status, note: notes?.log }
    }
    const metrics = async () => (await fetch(`${service.url}/metrics`)).text()
    t.match(await metrics(), /^rabble_log_connected 1$/m)
    toBroker.cut()
    const noticed = async () => {
      const { status, note } = await readiness()
      return note !== undefined && status === 200
    }
    await until(noticed, timeout, 'history to notice, and to be ready')
    t.match(await metrics(), /^rabble_log_connected 0$/m, 'whoever sees metrics only is told as well')
    t.same(await storedOf(service.url, all), ids)
  })

  await t.test('writes no message and no token into its own log, and stops in peace', async (t) => {
    t.equal(await service.stop(), 0)
    t.notMatch(service.logs(), /text of m|Bearer|before=/)
    t.notMatch(service.logs(), new RegExp(new URL(env.RABBLE_DATABASE_URL).password))
  })
})

t.test('without its addresses it doesn’t start, and says what it wants', async (t) => {
  const start = startService(t, 'history', {}, { wait: 'live' })
  await t.rejects(start, { message: /RABBLE_AMQP_URL is required.*\n.*RABBLE_DATABASE_URL is required/ })
})
