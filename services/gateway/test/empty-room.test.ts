import { connectChat } from '@rabble/harness'
import t from 'tap'
import { build } from './build.ts'
import { createFakeHistory } from './fake-history.ts'
import { createMemoryLog } from './memory-log.ts'

const perRoom = 20

t.test(
  'a client that has seen a room empty gets all that was said since, or is told that it doesn’t',
  async (t) => {
    const log = createMemoryLog()
    const history = createFakeHistory()
    const recent = { perRoom, totalBytes: 1e9 }
    const [whole, alone] = [await build(t, { log, history, recent }), await build(t, { log, recent })]
    const writer = await connectChat(t, whole.ws, { name: 'Writer' })
    const resume = async ({ ws }: typeof whole) => {
      const client = await connectChat(t, ws, { name: 'Reader' })
      const { events, complete } = await client.join('new', { after: '', recent: 5 })
      return { ids: events.map(({ id }) => id), complete }
    }
    t.strictSame(await resume(whole), { ids: [], complete: true })
    await writer.join('new')
    const said: string[] = []
    const say = async (count: number) => {
      for (let n = 0; n < count; n++) {
        const { id } = await writer.send('new', `${n}`)
        said.push(id)
        await writer.sees(id)
      }
    }
    await say(perRoom)
    t.strictSame(await resume(whole), { ids: said, complete: true }, 'from memory')
    await say(3)
    for (const message of writer.messages('new')) history.messages.set(message.id, message)
    history.through = log.last
    t.strictSame(await resume(whole), { ids: said, complete: true }, 'from history')
    t.strictSame(await resume(alone), { ids: said.slice(-5), complete: false }, 'without one')
  },
)
