import { deleteId } from '@rabble/contract/ids'
import { type ByteString, byteString, noBytes } from '@rabble/event-log'
import { type ChatClient, connectChat } from '@rabble/harness'
import type { HistoryClient, Replay } from '@rabble/history/client'
import t from 'tap'
import { build } from './build.ts'
import { createFakeHistory } from './fake-history.ts'
import { createMemoryLog, type MemoryLog } from './memory-log.ts'

const ada = { id: 'ada', name: 'Ada' }

/** Writes a change to the log, as another program could. */
function inject(
  log: MemoryLog,
  type: 'edit' | 'delete',
  id: string,
  message: string,
  more: object = {},
): void {
  const at = new Date().toISOString()
  log.inject(JSON.stringify({ type, room: 'general', id, message, from: ada, at, via: 'worker', ...more }))
}

function line(id: string, text: string): ByteString {
  const at = '2026-11-22T10:00:00.000Z'
  const message = { type: 'message', room: 'general', id, from: ada, text, at, via: 'gateway-0' }
  return byteString(Buffer.from(JSON.stringify(message)))
}

/** Returns all frames that a client has got, as JSON. */
function everything(client: ChatClient): string {
  return JSON.stringify(client.frames)
}

t.test('who joins gets messages as they are by now, and no text that is gone', async (t) => {
  const log = createMemoryLog()
  const { ws } = await build(t, { log })
  const ada = await connectChat(t, ws, { name: 'Ada' })
  await ada.join('general')
  const { id: first } = await ada.send('general', 'first draft')
  const { id: second } = await ada.send('general', 'a secret')
  const { id: third } = await ada.send('general', 'still there')
  await ada.sees(third)
  const { id: early } = await ada.edit('general', first, 'second draft')
  await ada.sees(early)
  const { id: late } = await ada.edit('general', first, 'third draft')
  const { id: hidden } = await ada.edit('general', second, 'another secret')
  const { id: deleted } = await ada.delete('general', second)
  await ada.sees(deleted)

  // A gateway that starts now reads the same from the log.
  for (const url of [ws, (await build(t, { log })).ws]) {
    const bob = await connectChat(t, url, { name: 'Bob' })
    await bob.join('general')
    t.match(bob.events('general'), [
      { id: first, text: 'third draft', edited: { by: { name: 'Ada' } } },
      { id: second, text: '', deleted: { by: { name: 'Ada' } } },
      { id: third, text: 'still there' },
      { id: late, type: 'edit', text: 'third draft' },
      { id: deleted, type: 'delete', message: second },
    ])
    t.notMatch(everything(bob), /secret|(first|second) draft/)
    for (const [after, ...expected] of [
      [early, late, deleted],
      [late, deleted],
      [hidden, deleted],
      [deleted],
    ] as const) {
      const back = await connectChat(t, url, { name: 'Bob' })
      t.equal((await back.join('general', { after })).complete, true)
      t.strictSame(
        back.events('general').map(({ id }) => id),
        expected,
      )
    }
    t.match(await bob.join('general', { recent: 3 }), { events: { length: 3 }, complete: true })
  }
})

t.test('a change in the log that is malformed or doesn’t count harms nobody', async (t) => {
  const log = createMemoryLog()
  const { ws, gateway } = await build(t, { log })
  const client = await connectChat(t, ws, { name: 'Ada' })
  await client.join('general')
  const { id } = await client.send('general', 'hi')
  await client.sees(id)
  inject(log, 'edit', 'e1', id)
  inject(log, 'edit', 'e2', id, { text: 7 })
  inject(log, 'delete', 'd1', id, { from: null })
  inject(log, 'delete', 'd2', '')
  inject(log, 'edit', 'e3', id, { text: 'by somebody else' })
  inject(log, 'delete', 'd3', id)
  inject(log, 'delete', 'd4', 'nobody-knows-it')
  await client.sees('d4')
  t.strictSame(
    client.events('general').map((event) => event.id),
    [id, 'e3', 'd3', 'd4'],
    'what doesn’t count is told, since nobody has to know what counts',
  )
  const bob = await connectChat(t, ws, { name: 'Bob' })
  await bob.join('general')
  t.match(bob.events('general'), [{ id, text: 'hi', edited: undefined, deleted: undefined }, { id: 'd4' }])
  t.match(await bob.join('general', { after: 'e3' }), { complete: true, events: { length: 1 } })
  t.equal(gateway.unready(), undefined)
})

t.test('what a gateway keeps from history changes too', async (t) => {
  const log = createMemoryLog()
  const ids = ['m1', 'm2', 'm3', 'm4']
  const lines = [line('m1', 'one'), noBytes, line('m3', 'three'), line('m4', 'four')]
  let answer: (() => Promise<void>) | undefined
  let through = -1
  const history: HistoryClient = {
    ...createFakeHistory(),
    async replay(): Promise<Replay> {
      await answer?.()
      // This answer does not have the changes that the gateway remembers.
      return { through, complete: true, ids, lines }
    },
  }
  const { ws, metric } = await build(t, { log, history })
  const writer = await connectChat(t, ws, { name: 'Writer' })
  await writer.join('general')
  through = log.last
  const { id } = await writer.send('general', 'recent')
  await writer.sees(id)
  const resume = async (after: string) => {
    const client = await connectChat(t, ws, { name: 'Reader' })
    t.equal((await client.join('general', { after })).complete, true)
    return client
  }

  // While history answers, one of the messages in its answer is deleted.
  answer = async () => {
    inject(log, 'delete', deleteId('general', 'm3'), 'm3')
    await writer.sees(deleteId('general', 'm3'))
  }
  const first = await resume('m1')
  answer = undefined
  const rest = [{ id: 'm4', text: 'four' }, { id }, { type: 'delete', message: 'm3' }]
  t.match(first.events('general'), [{ id: 'm3', text: '', deleted: { by: ada } }, ...rest])
  const questions = await metric('rabble_gateway_history_requests_total')
  inject(log, 'edit', 'e1', 'm4', { text: 'fourth' })
  await writer.sees('e1')
  inject(log, 'edit', 'e2', 'm4', { text: 'last' })
  await writer.sees('e2')
  const second = await resume('m2')
  t.match(second.events('general'), [
    { id: 'm3', text: '' },
    { id: 'm4', text: 'last', edited: { by: ada } },
    { id },
    { type: 'delete' },
    { id: 'e2', text: 'last' },
  ])
  t.equal(await metric('rabble_gateway_history_requests_total'), questions, 'from the same answer')
  t.notMatch(everything(first) + everything(second), /"three"/)
  t.notMatch(everything(second), /"four(th)?"/)
})
