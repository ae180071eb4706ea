import { assertNothingLeft, checkOrder, connectChat, noRateLimits, startCluster } from '@rabble/harness'
import t from 'tap'

assertNothingLeft(t)

/** A broker and gateways. */
const only = { histories: 0, rooms: 0, nginx: false, env: noRateLimits }

const senders = 8
const messages = 10_000
/** How many messages each sender has under way at a time. */
const window = 50

t.test(
  '4 gateways hand 8 concurrent senders of 10,000 messages the same messages in the same order',
  async (t) => {
    const { gateways } = await startCluster(t, { ...only, gateways: 4 })
    const clients = await Promise.all(
      Array.from({ length: senders }, (_, n) => {
        const gateway = gateways[n % gateways.length]
        if (gateway === undefined) throw new Error('no gateway')
        return connectChat(t, gateway.url, { name: `sender ${n}`, timeout: 60_000 })
      }),
    )
    await Promise.all(clients.map((client) => client.join('general')))

    const acknowledged: string[] = []
    await Promise.all(
      clients.map(async (client, n) => {
        let next = 0
        const work = async () => {
          while (next < messages / senders) {
            const { id } = await client.send('general', `sender ${n}, message ${next++}`)
            acknowledged.push(id)
          }
        }
        await Promise.all(Array.from({ length: window }, work))
      }),
    )
    t.equal(acknowledged.length, messages)
    await Promise.all(
      clients.map((client) => client.waitFor(() => client.messages('general').length >= messages, 120_000)),
    )
    const streams = Object.fromEntries(
      clients.map((client, n) => [`sender ${n}`, client.messages('general').map(({ id }) => id)]),
    )
    const report = checkOrder(streams, acknowledged)
    t.ok(report.ok, report.text)
    t.comment(report.text)
  },
)

t.test('the same cid sent over all gateways at once gives one message with one id', async (t) => {
  const { gateways } = await startCluster(t, { ...only, gateways: 3 })
  const sessions = await Promise.all(gateways.map((gateway) => connectChat(t, gateway.url, { name: 'Ada' })))
  await Promise.all(sessions.map((session) => session.join('general')))
  for (let round = 0; round < 50; round++) {
    const sent = await Promise.all(
      sessions.map((session) => session.send('general', `round ${round}`, { cid: `cid ${round}` })),
    )
    t.equal(new Set(sent.map(({ id }) => id)).size, 1)
  }
  const [last] = await Promise.all(
    sessions.map((session) => session.send('general', 'the end', { cid: 'the end' })),
  )
  for (const session of sessions) {
    await session.sees(last?.id ?? '')
    t.equal(session.messages('general').length, 51)
  }
  const report = checkOrder(
    Object.fromEntries(sessions.map((session, n) => [n, session.messages('general').map(({ id }) => id)])),
  )
  t.ok(report.ok, report.text)
})
