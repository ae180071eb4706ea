import { type ChatEvent, changed, type MessageEvent } from '@rabble/contract'
import { type ChatClient, connectChat, createRandom } from '@rabble/harness'
import t from 'tap'
import { build } from '../build.ts'
import { buildHistory } from '../build-history.ts'
import { createMemoryLog } from '../memory-log.ts'

/** Messages as a client shows them that got these events. */
function shown(...parts: ChatClient[]): Record<string, string> {
  const messages = new Map<string, MessageEvent>()
  for (const event of parts.flatMap((client): readonly ChatEvent[] => client.events('general'))) {
    const target = event.type === 'message' ? undefined : messages.get(event.message)
    if (event.type === 'message') messages.set(event.id, event)
    else if (target !== undefined) messages.set(event.message, changed(target, event))
  }
  const state = ({ text, edited, deleted }: MessageEvent) =>
    [text, edited?.at, deleted?.at].filter((part) => part !== undefined).join(' ')
  return Object.fromEntries([...messages].map(([id, message]) => [id, state(message)]))
}

t.test(
  'whoever leaves and comes back at random, over two gateways with little memory, shows what who stayed shows',
  async (t) => {
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
    t.comment(`SEED=${seed}`)
    const random = createRandom(seed)
    const log = createMemoryLog()
    const history = await buildHistory(t, log)
    const recent = { perRoom: 20, totalBytes: 64 * 1024 * 1024 }
    const gateways = await Promise.all([0, 1].map(() => build(t, { log, history, recent })))
    const url = () => gateways[Math.floor(random() * 2)]?.ws ?? ''
    const wait = (most: number) => new Promise((resolve) => setTimeout(resolve, random() * most))
    const writer = await connectChat(t, url(), { name: 'Writer', timeout: 120_000 })
    await writer.join('general')
    const said = [(await writer.send('general', 'first')).id]
    const deleted = new Set<string>()
    let changes = 0
    let writing = true
    const write = async (n: number) => {
      const old = said[Math.floor(random() * said.length)] ?? ''
      if (random() < 0.6 || deleted.has(old)) said.push((await writer.send('general', `message ${n}`)).id)
      else if (random() < 0.2) await writer.delete('general', old).then(() => deleted.add(old))
      // Another one may have deleted it just now.
      else
        await writer.edit('general', old, `edit ${n}`).catch(({ code }) => t.equal(code, 'message-not-found'))
      changes++
    }
    const writeOn = async () => {
      // History answers with 10,000 at most.
      for (let n = 0; writing && n < 2_000; n++) await write(n)
    }
    const writers = Promise.all(Array.from({ length: 4 }, writeOn))

    const readers = await Promise.all(
      Array.from({ length: 6 }, async (_, n) => {
        const parts: ChatClient[] = []
        let last = said[0]
        for (let round = 0; round < 6; round++) {
          const client = await connectChat(t, url(), { name: `reader ${n}`, timeout: 120_000 })
          parts.push(client)
          const { complete } = await client.join('general', { after: last })
          t.equal(complete, true)
          await wait(100)
          if (round === 5) return parts
          await client.close()
          last = client.events('general').at(-1)?.id ?? last
          await wait(200)
        }
        return parts
      }),
    )
    writing = false
    await writers
    const { id: end } = await writer.send('general', 'end')
    for (const client of [writer, ...readers.map((parts) => parts.at(-1))]) await client?.sees(end, 120_000)
    const { [said[0] ?? '']: _, ...expected } = shown(writer)
    for (const parts of readers) t.strictSame(shown(...parts), expected)
    const late = await connectChat(t, url(), { name: 'Late', timeout: 120_000 })
    t.equal((await late.join('general', { after: said[0] })).complete, true)
    t.strictSame(shown(late), expected, 'and so does who comes only now')
    t.comment(`${changes} events, ${said.length} of them messages, ${deleted.size} deleted`)
  },
)
