import { assertNothingLeft, connectChat, inForm, sharedRabbitMq, startService, until } from '@rabble/harness'
import { connect } from 'amqplib'
import t from 'tap'

assertNothingLeft(t)

t.test('signals that do not come back are noticed with a real broker, and mended', async (t) => {
  const broker = await sharedRabbitMq(t)
  const env = { RABBLE_AMQP_URL: broker.url, LOG_LEVEL: 'info' }
  const start = () => startService(t, 'gateway', env)
  const gateways = await Promise.all(Array.from({ length: inForm(1, 2) }, start))
  const ada = await connectChat(t, gateways[0]?.url ?? '', { name: 'Ada' })
  const bob = await connectChat(t, gateways.at(-1)?.url ?? '', { name: 'Bob' })
  await Promise.all([ada.join('general'), bob.join('general')])
  const typed = () => bob.frames.filter(({ type }) => type === 'typing').length
  await until(
    async () => {
      ada.raw('{"type":"typing","room":"general"}')
      return typed() > 0
    },
    60_000,
    'a signal to arrive',
  )

  const connection = await connect(broker.url)
  const channel = await connection.createChannel()
  // The new exchange delivers nothing, and the gateways cannot declare it with the right type: so nothing recovers before this
  // test has seen the fault.
  await Promise.all([
    channel.deleteExchange('rabble.signals'),
    channel.assertExchange('rabble.signals', 'direct', { durable: true }),
  ])
  for (const { url } of gateways) {
    const check = async () => {
      const reply = await fetch(`${url}/readyz`)
      return ((await reply.json()) as { checks: Record<string, string> }).checks.gateway
    }
    await until(
      async () => (await check()) === 'its own signals do not come back',
      60_000,
      'a gateway to notice',
    )
  }
  await channel.deleteExchange('rabble.signals')
  await connection.close()
  // Each gateway notices in its own time.
  await until(
    () => gateways.every(({ logs }) => logs().includes('events arrive again')),
    60_000,
    'both to be mended',
  )
  await Promise.all(gateways.map((gateway) => gateway.ready()))
  const before = typed()
  await until(
    async () => {
      ada.raw('{"type":"typing","room":"general"}')
      return typed() > before
    },
    60_000,
    'signals to arrive again',
  )
  const { id } = await ada.send('general', 'the sessions are those they were')
  await bob.sees(id)
  for (const { url, logs } of gateways) {
    const metrics = await (await fetch(`${url}/metrics`)).text()
    t.match(metrics, /^rabble_gateway_stalled_total\{way="signals"\} [1-9]\d*$/m)
    t.match(metrics, /^rabble_gateway_stalled_total\{way="log"\} 0$/m)
    const lines = logs().split('\n')
    t.equal(lines.filter((line) => line.includes('reconnecting until')).length, 1, 'told once')
    t.equal(lines.filter((line) => line.includes('events arrive again')).length, 1)
  }
})
