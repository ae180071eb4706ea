import { Deferred } from '@rabble/clock/deferred'
import { createManualClock } from '@rabble/clock/manual'
import type { MessageEvent } from '@rabble/contract'
import { editId, eventId, guestId } from '@rabble/contract/ids'
import { type ChatClient, connectChat } from '@rabble/harness'
import t, { type Test } from 'tap'
import { build } from './build.ts'
import { createFakeHistory, type FakeHistory } from './fake-history.ts'
import { createMemoryLog, type MemoryLog } from './memory-log.ts'
import { passing } from './time.ts'

const room = 'general'
const ada = { id: guestId('Ada'), name: 'Ada' }

/** Returns a message that Ada sent long ago. */
function old(cid: string, text = cid): MessageEvent {
  const id = eventId(ada.id, room, cid)
  return { type: 'message', room, id, cid, from: ada, text, at: '2026-11-22T10:00:00.000Z', via: 'gateway-0' }
}

/** Starts a new gateway, with a history that has messages which the gateway never read. */
async function restarted(t: Test, ...messages: MessageEvent[]) {
  const clock = createManualClock()
  const log = createMemoryLog(1, { clock })
  const history = createFakeHistory()
  history.through = log.last
  for (const message of messages) history.messages.set(message.id, message)
  const { ws, metric } = await build(t, {
    log,
    history,
    clock,
    historyTimes: { timeout: 3_000, notFoundGrace: 0 },
  })
  const connect = async (name: string) => {
    const client = await connectChat(t, ws, { name })
    await client.join(room)
    return client
  }
  return { ws, clock, log, history, metric, connect }
}

/** Sends a message, or an edit, with these fields only. */
function say(client: ChatClient, text: string, more: { cid?: string; resent?: number } = {}) {
  return client.request({ type: 'send', room, text, ...more })
}

/** Returns the texts in the log. */
function texts(log: MemoryLog): string[] {
  const entries = log.kept.flat().flatMap(({ batch }) => batch.entries)
  return entries.flatMap(({ event }) => ('text' in event ? [String(event.text)] : []))
}

/** Copies the events of the log into history. */
function catchUp(history: FakeHistory, log: MemoryLog): void {
  for (const { batch } of log.kept.flat()) {
    for (const { event } of batch.entries) {
      if (event.type === 'message' && !history.messages.has(event.id)) {
        history.messages.set(event.id, event as MessageEvent)
      }
    }
  }
  history.through = log.last
}

t.test(
  'a message that is sent again long after it was stored is acknowledged and told to nobody',
  async (t) => {
    const { log, connect, metric } = await restarted(t, old('one'), old('two'))
    const [ada, bob] = [await connect('Ada'), await connect('Bob')]
    t.equal((await say(ada, 'one', { cid: 'one' })).id, old('one').id, 'unmarked, after coming back')
    t.equal((await say(ada, 'two', { cid: 'two', resent: 90_000 })).id, old('two').id, 'marked')
    const { id } = await say(ada, 'three', { cid: 'three', resent: 90_000 })
    await bob.sees(id)
    t.strictSame(texts(log), ['three'])
    t.strictSame(
      bob.messages(room).map(({ text }) => text),
      ['three'],
    )
    t.equal(await metric('rabble_gateway_repeats_checked_total', { result: 'stored' }), 2)
  },
)

t.test('an edit that is sent again does not bring an old text back', async (t) => {
  const { log, history, connect } = await restarted(t, old('one', 'second'))
  const edited = editId(ada.id, room, old('one').id, 'e')
  const { from, at, via } = old('one')
  history.messages.set(edited, {
    type: 'edit',
    room,
    id: edited,
    message: old('one').id,
    from,
    at,
    via,
    text: 'first',
  })
  const client = await connect('Ada')
  t.equal(
    (
      await client.request({
        type: 'edit',
        room,
        id: old('one').id,
        text: 'first',
        cid: 'e',
        resent: 100_000,
      })
    ).id,
    edited,
  )
  t.strictSame(texts(log), [])
})

t.test('for what is surely new no other service is asked', async (t) => {
  const { log, history, connect, clock } = await restarted(t)
  history.answering = new Promise(() => {})
  const client = await connect('Ada')
  const time = clock.now().toString(16).padStart(12, '0')
  const sent = [
    say(client, 'without a cid'),
    say(client, 'a cid of now', { cid: `${time.slice(0, 8)}-${time.slice(8)}-7abc-8def-0123456789ab` }),
    say(client, 'again within what is remembered', { cid: 'quick', resent: 5_000 }),
  ]
  await Promise.all(sent)
  t.equal(texts(log).length, 3)
  t.strictSame(history.questions, [])
})

t.test('only the first events of a session are suspected', async (t) => {
  const { history, connect, log } = await restarted(t)
  const client = await connect('Ada')
  for (let n = 0; n < 60; n++) await say(client, `${n}`, { cid: `${n}` })
  t.equal(texts(log).length, 60)
  t.equal(history.questions.flat().length, 50)
})

t.test('the order of a session holds while history is asked, for many at once', async (t) => {
  const { history, connect, log } = await restarted(t, old('2'))
  const answer = new Deferred<void>()
  history.answering = answer.promise
  const client = await connect('Ada')
  const sent = ['1', '2', '3'].map((cid) => say(client, cid, { cid }))
  sent.push(say(client, 'new'))
  answer.resolve()
  await Promise.all(sent)
  t.strictSame(texts(log), ['1', '3', 'new'])
})

t.test('while history can’t tell, a repeat must wait, and what is most likely new goes out', async (t) => {
  const { history, connect, log, clock, metric } = await restarted(t, old('one'))
  history.down = true
  const client = await connect('Ada')
  await t.rejects(say(client, 'one', { cid: 'one', resent: 90_000 }), { code: 'unavailable' })
  await say(client, 'two', { cid: 'two' })
  await say(client, 'three', { cid: 'three' })
  t.strictSame(texts(log), ['two', 'three'])
  t.equal(await metric('rabble_gateway_history_errors_total'), 2, 'it is spared for a while')
  history.down = false
  history.through = -2
  const late = say(client, 'one', { cid: 'one', resent: 90_000 })
  await t.rejects(passing(clock, 100, late), { code: 'unavailable' }, 'a history that lags behind')
  catchUp(history, log)
  t.equal((await say(client, 'one', { cid: 'one', resent: 90_000 })).id, old('one').id)
})

t.test('whoever resumes after a message that the log holds twice misses nothing in between', async (t) => {
  const messages = ['K', 'X', 'Y1', 'Y2', 'Y3'].map((cid) => old(cid))
  const [K, X] = messages
  for (const again of ['unchecked', 'word for word'] as const) {
    const { ws, history, connect, log, clock } = await restarted(t, ...messages)
    const bob = await connect('Bob')
    if (again === 'word for word') log.inject(JSON.stringify(X))
    else {
      history.down = true
      await say(await connect('Ada'), 'X', { cid: 'X' })
      history.down = false
    }
    await bob.sees(X?.id ?? '')
    const { id: last } = await say(bob, 'Z')
    await bob.sees(last)
    const read = async (after = '') => {
      const client = await connectChat(t, ws, { name: 'Carl' })
      const { complete, events } = await passing(clock, 10, client.join(room, { after }))
      return [complete, ...events.map((event) => ('text' in event ? event.text : ''))]
    }
    const gap = [true, 'Y1', 'Y2', 'Y3', 'Z']
    // History has not read the second one yet, and then it has.
    for (let round = 0; round < 2; round++) {
      t.strictSame(await read(X?.id), gap, `${again}: after it`)
      t.strictSame(await read(K?.id), [true, 'X', ...gap.slice(1)], `${again}: after the one before`)
      catchUp(history, log)
    }
  }
})
