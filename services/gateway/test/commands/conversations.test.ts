import { createManualClock } from '@rabble/clock/manual'
import type { MessageEvent } from '@rabble/contract'
import { connectChat } from '@rabble/harness'
import t, { type Test } from 'tap'
import { build } from '../build.ts'
import { createFakeHistory } from '../fake-history.ts'
import { createMemoryLog } from '../memory-log.ts'
import { passing } from '../time.ts'

/** A gateway, and a history that knows of one conversation. */
async function withHistory(t: Test) {
  const clock = createManualClock()
  const log = createMemoryLog(1, { clock })
  const history = createFakeHistory()
  history.through = null
  const { ws, tokens } = await build(t, {
    log,
    history,
    clock,
    historyTimes: { timeout: 3_000, notFoundGrace: 0 },
  })
  const connect = async (id: string) =>
    connectChat(t, ws, { token: await tokens.sign({ id, name: id }, 6_000) })
  const store = (room: string, id: string) => {
    const from = { id: 'bob', name: 'Bob' }
    const at = '2026-11-22T10:00:00.000Z'
    const message: MessageEvent = { type: 'message', room, id, from, text: 'hi', at, via: 'gateway-0' }
    history.messages.set(id, message)
  }
  return { clock, log, history, connect, store }
}

t.test(
  'a user learns who wrote while nobody was there, the newest first, and of nobody else’s talk',
  async (t) => {
    const { log, history, connect, store } = await withHistory(t)
    const ada = await connect('ada')
    t.strictSame((await connect('eve')).frames.length, 1)
    store('dm:ada:bob', 'a')
    store('dm:bob:eve', 'b')
    store('dm:ada:eve', 'c')
    history.through = log.last
    const { conversations } = await ada.request({ type: 'conversations' })
    t.strictSame(conversations, [
      { room: 'dm:ada:eve', last: 'c' },
      { room: 'dm:ada:bob', last: 'a' },
    ])
  },
)

t.test('the list waits for a history that lags behind, and for a dead one in vain', async (t) => {
  const { clock, log, history, connect, store } = await withHistory(t)
  const ada = await connect('ada')
  store('dm:ada:bob', 'a')
  // The gateway has seen an event of its own before it began to read.
  const late = passing(clock, 50, ada.request({ type: 'conversations' }))
  await t.rejects(late, { code: 'unavailable' })
  history.through = log.last
  t.match(await ada.request({ type: 'conversations' }), { conversations: [{ last: 'a' }] })
  history.down = true
  await t.rejects(ada.request({ type: 'conversations' }), { code: 'unavailable' })
  await ada.sendTo('bob', 'chat goes on')
})
