import {
  assertNothingLeft,
  checkOrder,
  connectChat,
  inForm,
  noRateLimits,
  startCluster,
} from '@rabble/harness'
import t from 'tap'

assertNothingLeft(t)

const { gateways } = await startCluster(t, {
  gateways: 3,
  histories: 0,
  rooms: 0,
  nginx: false,
  env: noRateLimits,
})

const senders = 8
const messages = inForm(1_000, 10_000)
/** Maximum number of messages that a sender has under way. */
const window = 50

t.test(
  `3 gateways hand 8 concurrent senders of ${messages} messages the same messages in the same order`,
  async (t) => {
    const clients = await Promise.all(
      Array.from({ length: senders }, (_, n) => {
        const gateway = gateways[n % gateways.length]
        if (gateway === undefined) throw new Error('no gateway')
        return connectChat(t, gateway.url, { name: `sender ${n}`, timeout: 60_000 })
      }),
    )
    const room = 'crowded'
    await Promise.all(clients.map((client) => client.join(room)))

    const acknowledged: string[] = []
    await Promise.all(
      clients.map(async (client, n) => {
        let next = 0
        const work = async () => {
          while (next < messages / senders) {
            const { id } = await client.send(room, `sender ${n}, message ${next++}`)
            acknowledged.push(id)
          }
        }
        await Promise.all(Array.from({ length: window }, work))
      }),
    )
    t.equal(acknowledged.length, messages)
    await Promise.all(
      clients.map((client) => client.waitFor(() => client.messages(room).length >= messages, 120_000)),
    )
    const streams = Object.fromEntries(
      clients.map((client, n) => [`sender ${n}`, client.messages(room).map(({ id }) => id)]),
    )
    const report = checkOrder(streams, acknowledged)
    t.ok(report.ok, report.text)
    t.comment(report.text)
  },
)

t.test('the same cid sent over all gateways at once gives one message with one id', async (t) => {
  const sessions = await Promise.all(gateways.map((gateway) => connectChat(t, gateway.url, { name: 'Ada' })))
  const room = 'repeated'
  await Promise.all(sessions.map((session) => session.join(room)))
  for (let round = 0; round < 50; round++) {
    const sent = await Promise.all(
      sessions.map((session) => session.send(room, `round ${round}`, { cid: `cid ${round}` })),
    )
    t.equal(new Set(sent.map(({ id }) => id)).size, 1)
  }
  const [last] = await Promise.all(
    sessions.map((session) => session.send(room, 'the end', { cid: 'the end' })),
  )
  for (const session of sessions) {
    await session.sees(last?.id ?? '')
    t.equal(session.messages(room).length, 51)
  }
  const report = checkOrder(
    Object.fromEntries(sessions.map((session, n) => [n, session.messages(room).map(({ id }) => id)])),
  )
  t.ok(report.ok, report.text)
})
