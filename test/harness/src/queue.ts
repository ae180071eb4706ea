import { setTimeout as sleep } from 'node:timers/promises'
import { type ConfirmChannel, type ConsumeMessage, connect, type Options } from 'amqplib'
import type { TestContext } from './test-context.ts'

/** Time (ms) during which `putIntoQueue` retries. */
const timeout = 120_000

/** A message that a program puts into a queue. */
export interface QueueMessage {
  body: string | Buffer
  options?: Options.Publish
}

/**
 * Publishes messages to a queue of RabbitMQ until the broker has confirmed each one. After a lost connection it publishes
 * those again that are not confirmed. @throws Error if that takes longer than `timeout`
 */
export async function putIntoQueue(
  url: string,
  queue: string,
  messages: readonly QueueMessage[],
): Promise<void> {
  let left = [...messages]
  // A killed broker may take long to start again.
  const deadline = performance.now() + timeout
  while (left.length > 0) {
    if (performance.now() > deadline)
      throw new Error(`${left.length} messages could not be put into ${queue}`)
    const unconfirmed = new Set(left)
    try {
      const connection = await connect(url)
      connection.on('error', () => {})
      const channel = await connection.createConfirmChannel()
      channel.on('error', () => {})
      const confirms = left.map(async (message) => {
        await confirmed(channel, queue, message)
        unconfirmed.delete(message)
      })
      const lost = new Promise<void>((resolve) => connection.once('close', () => resolve()))
      await Promise.race([Promise.allSettled(confirms), lost])
      await Promise.race([connection.close().catch(() => {}), lost, sleep(2_000, undefined, { ref: false })])
    } catch {
      await sleep(100)
    }
    left = left.filter((message) => unconfirmed.has(message))
  }
}

function confirmed(channel: ConfirmChannel, queue: string, { body, options }: QueueMessage): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const done = (error: Error | null) => (error === null ? resolve() : reject(error))
    channel.sendToQueue(queue, Buffer.from(body), { persistent: true, mandatory: true, ...options }, done)
  })
}

/** Consumes a queue into an array that grows, and acknowledges each message. */
export async function takeFromQueue(t: TestContext, url: string, queue: string): Promise<ConsumeMessage[]> {
  const messages: ConsumeMessage[] = []
  const connection = await connect(url)
  connection.on('error', () => {})
  t.teardown(() => connection.close().catch(() => {}))
  const channel = await connection.createChannel()
  await channel.consume(queue, (message) => {
    if (message === null) return
    messages.push(message)
    channel.ack(message)
  })
  return messages
}
