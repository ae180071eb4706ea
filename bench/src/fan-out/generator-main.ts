import type { Counts, GeneratorMessage, Load } from './generator.ts'
import type { Member } from './member.ts'
import { nextText } from './prose.ts'
import { connectMember } from './transports.ts'

// See generator.ts: the process with the members. It ends when its parent process does.

/** Maximum number of members that connect at once. */
const most = 100

const counts: Counts = { delivered: 0, bytes: 0, sent: 0 }
const tell = (message: GeneratorMessage) => process.send?.(message)

process.on('disconnect', () => process.exit())
process.on('message', (message: Load | 'counts') => {
  if (message === 'counts') tell(counts)
  else void start(message)
})

async function start({
  port,
  transport,
  sendersTransport = transport,
  rooms,
  members,
  senders,
}: Load): Promise<void> {
  const starters: (() => void)[] = []
  const places = Array.from({ length: rooms * members }, (_, n) => ({
    room: n % rooms,
    n: Math.floor(n / rooms),
  }))
  async function connectNext(): Promise<void> {
    for (let place = places.shift(); place !== undefined; place = places.shift()) {
      const { room, n } = place
      const member: Member = await connectMember[n < senders ? sendersTransport : transport]({
        port,
        room: `room-${room}`,
        name: `member-${room}-${n}`,
        onMessage: () => counts.delivered++,
        onBytes(count) {
          counts.bytes += count
        },
        onSent() {
          counts.sent++
          member.send(nextText())
        },
        onFailure: (reason) => tell({ failed: reason }),
      })
      if (n < senders) starters.push(() => member.send(nextText()))
    }
  }
  await Promise.all(Array.from({ length: most }, connectNext))
  for (const begin of starters) begin()
  tell({ ready: true })
}
