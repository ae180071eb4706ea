import type { MessageEvent } from '@rabble/contract'
import { connectRabbitMqLog } from '@rabble/event-log'
import { until } from '@rabble/harness'
import { connect } from 'amqplib'

export interface Backlog {
  events: number
  rooms: number
  /** Average number of events in a batch. Sizes are spread evenly from 1 to nearly twice that. */
  batch: number
  random: () => number
}

/** Maximum number of unconfirmed batches. */
const most = 200

/**
 * Fills a new log as other programs may (docs/protocol/log.md), since the log's own publisher chooses the size of its batches
 * by the load. Resolves to the mean size of an event, in bytes.
 */
export async function publishBacklog(
  url: string,
  { events, rooms, batch, random }: Backlog,
): Promise<number> {
  await declare(url)
  const connection = await connect(url)
  const channel = await connection.createConfirmChannel()
  const write = writer(random)
  let bytes = 0
  let batches = 0
  for (let n = 0; n < events; ) {
    const size = Math.min(events - n, 1 + Math.floor(random() * (2 * batch - 1)))
    const lines = Array.from({ length: size }, () => {
      n++
      return `${JSON.stringify(write(n, `room-${Math.floor(random() * rooms)}`))}\n`
    })
    const content = Buffer.from(lines.join(''))
    bytes += content.length
    channel.publish('rabble.events', '', content, {
      mandatory: true,
      persistent: true,
      contentType: 'application/x-ndjson',
      appId: 'rabble',
    })
    if (++batches % most === 0) await channel.waitForConfirms()
  }
  await channel.waitForConfirms()
  await connection.close()
  return bytes / events
}

/** Declares the exchange and the stream, as the first gateway would. */
async function declare(url: string): Promise<void> {
  const log = await connectRabbitMqLog({ url })
  await until(() => log.status().connected, 60_000, 'the log')
  await log.close()
}

/** Returns a generator of messages of 1 to 40 words, mostly few. It uses 20,000 words, some of which are frequent. */
function writer(random: () => number): (n: number, room: string) => MessageEvent {
  const letters = () => String.fromCharCode(97 + Math.floor(random() * 26))
  const words = Array.from({ length: 20_000 }, () =>
    Array.from({ length: 2 + Math.floor(random() * 8) }, letters).join(''),
  )
  const word = () => words[Math.floor(words.length * random() ** 4)]
  const senders = Array.from({ length: 500 }, (_, n) => ({ id: `user-${n}`, name: `Sender ${n}` }))
  const [ada = { id: 'ada', name: 'Ada' }] = senders
  const start = Date.UTC(2026, 0, 1)
  return (n, room) => ({
    type: 'message',
    room,
    // As long and as random as a real id.
    id: Buffer.from(Array.from({ length: 16 }, () => Math.floor(random() * 256))).toString('base64url'),
    cid: `0f8a4c52-${n}`,
    from: senders[Math.floor(random() * senders.length)] ?? ada,
    text: Array.from({ length: 1 + Math.floor(40 * random() ** 2) }, word).join(' '),
    at: new Date(start + n * 50).toISOString(),
    via: 'gateway-1-7f3a91c2',
  })
}
