import type { Signal } from '@rabble/contract'
import { connectRabbitMqLog, type EventLog } from '@rabble/event-log'
import { sharedPostgres, sharedRabbitMq, startBridge, startService, until } from '@rabble/harness'
import { createInternalTokens } from '@rabble/service'
import t, { type Test } from 'tap'
import { overHttp, type RoomsClient } from '../../src/client.ts'
import { timeout, userOf } from '../build.ts'

const secret = 'a secret that is long enough to be one'
const internalTokens = createInternalTokens(secret)

const takes = (room: string, ...users: string[]) => ({
  take: users.map((user) => ({ room, user: userOf(user) })),
  give: [],
})

/** Repeats a request until the service has time to answer it, which is harmless. */
async function retry<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  let answers: Answer[] = []
  const answered = async () => {
    answers = [await ask()]
    return true
  }
  await until(answered, timeout, 'an answer')
  return answers[0] as Answer
}

async function openLog(t: Test, url: string): Promise<EventLog> {
  const log = await connectRabbitMqLog({ url })
  t.teardown(() => log.close())
  await until(() => log.status().connected, timeout, 'the log')
  return log
}

const metricsOf = async (url: string) => (await fetch(`${url}/metrics`)).text()

t.test('two processes, with RabbitMQ and PostgreSQL', async (t) => {
  const [broker, server] = await Promise.all([sharedRabbitMq(t), sharedPostgres(t)])
  const toBroker = await startBridge(t, broker.url)
  const env = {
    RABBLE_AMQP_URL: toBroker.url,
    RABBLE_DATABASE_URL: await server.createDatabase(),
    RABBLE_SECRET: secret,
  }
  const [first, second] = await Promise.all([startService(t, 'rooms', env), startService(t, 'rooms', env)])
  const log = await openLog(t, broker.url)
  const signals: Signal[] = []
  let heard = false
  log.onSignal((signal) => {
    heard = true
    if (signal.type === 'presence') signals.push(signal)
  })
  // Signals that are sent before the broker has bound the queue are lost.
  const hears = () => {
    log.signal({ type: 'policy', version: 0 })
    return heard
  }
  await until(hears, timeout, 'the log to hear signals')
  const g1: RoomsClient = overHttp(first.url, internalTokens)
  const g2: RoomsClient = overHttp(second.url, internalTokens)

  // Renews the lease, as gateways do: the test may take longer than a lease lasts. It uses its own client, since each is told
  // of a change once.
  const keeper = overHttp(second.url, internalTokens)
  const kept = new Set<string>()
  const keeping = setInterval(() => {
    for (const gateway of kept) keeper.renew(gateway, { fresh: false }).catch(() => {})
  }, 2_000)
  t.teardown(() => clearInterval(keeping))

  await t.test('are one service, whichever is asked', async (t) => {
    t.match(await retry(() => g1.renew('g1', { fresh: true })), { expiresIn: 15_000, counts: [] })
    t.ok(await retry(() => g2.renew('g2', { fresh: true })))
    for (const gateway of ['g1', 'g2']) kept.add(gateway)
    t.match(await retry(() => g1.seats('g1', takes('tea', 'ada'))), [{ count: 1 }])
    t.match(await retry(() => g2.seats('g2', takes('tea', 'bob'))), [{ count: 2 }])
    t.match(await retry(() => g1.members('tea', 10)), { users: [userOf('ada'), userOf('bob')], count: 2 })
    await until(
      async () => {
        const renewal = await g1.renew('g1', { fresh: false })
        return renewal?.counts.some(({ room, count }) => room === 'tea' && count === 2) ?? false
      },
      timeout,
      'the count',
    )
    await until(() => signals.some(({ count }) => count === 2), timeout, 'the signal')
  })

  await t.test('lose nothing when one is killed: the other goes on', async (t) => {
    await first.kill()
    await t.rejects(g1.seats('g1', takes('tea', 'eve')))
    const other = overHttp(second.url, internalTokens)
    t.ok(await retry(() => other.renew('g1', { fresh: false })), 'the lease is a gateway’s, not a replica’s')
    t.match(await retry(() => other.seats('g1', takes('tea', 'eve'))), [{ count: 3 }])
    await first.restart()
    t.match(await retry(() => g1.members('tea', 10)), { count: 3 })
    // Signals that it sends before that are lost.
    const isConnected = async () => /^rabble_log_connected 1$/m.test(await metricsOf(first.url))
    await until(isConnected, timeout, 'it to be connected to the broker again')
  })

  await t.test('end a lease that nobody renews, and tell', async (t) => {
    kept.delete('g1')
    await until(async () => (await g2.members('tea', 10)).count === 1, timeout, 'the seats to be free')
    t.same((await retry(() => g2.members('tea', 10))).users, [userOf('bob')])
    t.equal(await retry(() => g1.renew('g1', { fresh: false })), undefined)
    await until(() => signals.some(({ left }) => JSON.stringify(left).includes('eve')), timeout, 'the signal')
  })

  await t.test('refuse who has no token of a service', async (t) => {
    const stranger = overHttp(second.url, createInternalTokens('another secret that is long enough'))
    await t.rejects(stranger.renew('g3', { fresh: true }), { message: /401/ })
  })

  await t.test('give seats while the broker is out of reach, say so, and stop in peace', async (t) => {
    t.match(await metricsOf(second.url), /^rabble_log_connected 1$/m)
    toBroker.cut()
    const note = async () => {
      const reply = await fetch(`${second.url}/readyz`)
      const { notes } = (await reply.json()) as { notes?: { log?: string } }
      return { status: reply.status, log: notes?.log }
    }
    const noticed = async () => {
      const { status, log } = await note()
      return log !== undefined && status === 200
    }
    await until(noticed, timeout, 'rooms to notice, and to be ready')
    t.match(
      await metricsOf(second.url),
      /^rabble_log_connected 0$/m,
      'whoever sees metrics only is told as well',
    )
    t.match(await retry(() => g2.seats('g2', takes('tea', 'joe'))), [{ count: 2 }])
    t.equal(await second.stop(), 0)
    t.notMatch(second.logs(), /Bearer|eyJ/)
    t.notMatch(second.logs(), new RegExp(new URL(env.RABBLE_DATABASE_URL).password))
  })
})

t.test('without what it needs it doesn’t start, and says what it wants', async (t) => {
  const start = startService(t, 'rooms', {}, { wait: 'live' })
  await t.rejects(start, {
    message:
      /RABBLE_AMQP_URL is required[\s\S]*RABBLE_DATABASE_URL is required[\s\S]*RABBLE_SECRET is required/,
  })
})
