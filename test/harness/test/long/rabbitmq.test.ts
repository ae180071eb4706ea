import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ChannelModel, connect } from 'amqplib'
import t from 'tap'
import { assertNothingLeft, startRabbitMq, until } from '../../src/index.ts'

assertNothingLeft(t)

t.test('a broker', async (t) => {
  const start = performance.now()
  const broker = await startRabbitMq(t)
  t.comment(`ready in ${Math.round(performance.now() - start)} ms`)

  await t.test('keeps what it confirmed when it is killed and started again', async (t) => {
    const connection = await connect(broker.url)
    connection.on('error', () => {})
    const channel = await connection.createConfirmChannel()
    await channel.assertQueue('log', { durable: true, arguments: { 'x-queue-type': 'stream' } })
    for (const text of ['one', 'two']) channel.sendToQueue('log', Buffer.from(text), { persistent: true })
    await channel.waitForConfirms()
    await broker.streamsSettled()

    const before = broker.pid
    await broker.kill()
    t.notOk(broker.running)
    await t.rejects(connect(broker.url), 'nobody listens any more')
    await broker.restart()
    t.not(broker.pid, before)

    const texts = await readStream(broker.url, 'log', 2)
    t.same(texts, ['one', 'two'])
  })

  await t.test('answers nothing while it is frozen', async (t) => {
    const connection = await connect(broker.url)
    const channel = await connection.createChannel()
    broker.freeze()
    const answer = channel.assertQueue('later', { exclusive: true }).then(() => 'answered')
    const pause = new Promise((resolve) => setTimeout(resolve, 300, 'silent'))
    t.equal(await Promise.race([answer, pause]), 'silent')
    broker.thaw()
    t.equal(await answer, 'answered')
    await connection.close()
  })

  await t.test('blocks who publishes while it is short of memory', async (t) => {
    const connection = await connect(broker.url)
    const channel = await connection.createConfirmChannel()
    const blocked = once(connection, 'blocked')
    await broker.shortOfMemory(true)
    // The alarm may come a little after the command, and only a connection that publishes then is notified.
    const publishing = setInterval(() => channel.publish('amq.fanout', '', Buffer.from('one')), 50)
    const late = sleep(60_000, ['not blocked'], { ref: false })
    t.match(await Promise.race([blocked, late]), [/memory/])
    clearInterval(publishing)
    const unblocked = once(connection, 'unblocked')
    await broker.shortOfMemory(false)
    await unblocked
    await channel.waitForConfirms()
    await connection.close()
  })

  await t.test(
    'gives several virtual hosts at once, which know nothing of each other, and takes them away',
    async (t) => {
      const names = Array.from({ length: 6 }, (_, n) => `host-${n}`)
      await Promise.all(names.map(broker.addVirtualHost))
      const [one, other] = [await connect(`${broker.url}/host-0`), await connect(`${broker.url}/host-1`)]
      await (await one.createChannel()).assertQueue('here', { durable: true })
      const elsewhere = await other.createChannel()
      elsewhere.on('error', () => {})
      await t.rejects(
        elsewhere.checkQueue('here').then(() => {}),
        { message: /404/ },
      )
      await Promise.all([one.close(), other.close()])
      await Promise.all(names.map(broker.deleteVirtualHost))
      await t.rejects(
        connect(`${broker.url}/host-0`).then(() => {}),
        { message: /got <ConnectionClose/ },
      )
    },
  )

  await t.test('stops in peace', async (t) => {
    t.equal(await broker.stop(), 0)
    t.match(broker.logs(), /ended with 0/)
  })
})

/**
 * Reads the first messages of a stream. After a restart a stream has no leader for a moment. Until it has one, `consume` fails
 * with 404, or with 541, which ends the connection.
 */
async function readStream(url: string, name: string, count: number): Promise<string[]> {
  const texts: string[] = []
  let connection: ChannelModel | undefined
  async function consume(): Promise<boolean> {
    await connection?.close().catch(() => {})
    connection = await connect(url)
    connection.on('error', () => {})
    const channel = await connection.createChannel()
    channel.on('error', () => {})
    await channel.prefetch(10)
    const options = { arguments: { 'x-stream-offset': 'first' } }
    await channel.consume(name, (message) => message && texts.push(message.content.toString()), options)
    return true
  }
  await until(consume, 60_000, `the stream ${name} to have a leader`)
  await until(() => texts.length >= count, 30_000, `${count} messages`)
  await connection?.close()
  return texts
}
