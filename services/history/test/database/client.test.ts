import { until } from '@rabble/harness'
import type { HistoryClient } from '../../src/client.ts'
import { inProcess, overHttp } from '../../src/client.ts'
import { build, internalTokens, timeout, tokens, waitForOffset } from '../build.ts'
import { deletion, edit } from '../change.ts'
import { onBoth } from '../databases.ts'
import { createMemoryLog } from '../memory-log.ts'
import { message } from '../message.ts'

await onBoth(async (t, databases) => {
  const database = await databases.empty(t)
  const log = createMemoryLog()
  const app = build(t, { log, database })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const dm = { room: 'dm:ada:bob' }
  log.append(message('a', { text: 'Grüße 👋 \0' }), message('b'), message('c', dm))
  log.append(edit('e', 'a', { text: 'ändert 👍 \ud800' }), deletion('d', 'b'))
  await app.ready()
  const ready = async () => (await app.inject('/readyz')).statusCode === 200
  await until(ready, timeout, 'history to be ready')
  await waitForOffset(database, 2)

  const clients: [string, HistoryClient][] = [
    ['over HTTP', overHttp(url, internalTokens, { timeout })],
    ['in process', inProcess(app, internalTokens, timeout)],
  ]
  for (const [how, client] of clients) {
    await t.test(`${how}, a message is found as it is after its changes`, async (t) => {
      const by = { id: 'ada', name: 'Ada' }
      const at = '2026-11-22T11:00:00.000Z'
      t.strictSame(await client.find('general', 'a', undefined), {
        through: 2,
        message: message('a', { text: 'ändert 👍 \ud800', edited: { by, at } }),
      })
      t.strictSame(await client.find('general', 'b', undefined), {
        through: 2,
        message: message('b', { text: '', deleted: { by, at } }),
      })
    })

    await t.test(`${how}, what is no message of the room is not found`, async (t) => {
      const nothing = { through: 2, message: undefined }
      for (const id of ['none', 'e', 'd', 'c', 'a\0']) {
        t.strictSame(await client.find('general', id, undefined), nothing, JSON.stringify(id))
      }
      t.strictSame(await client.find('a room without messages', 'a', undefined), nothing)
    })

    await t.test(`${how}, who may not read the room finds nothing in it`, async (t) => {
      t.strictSame(await client.find(dm.room, 'c', 'ada'), { through: 2, message: message('c', dm) })
      await t.rejects(client.find(dm.room, 'c', undefined), { message: /history answered 403/ })
      await t.rejects(client.find(dm.room, 'c', 'eve'), { message: /history answered 403/ })
      await t.rejects(client.find('general', '', undefined), { message: /history answered 400/ })
    })
  }

  await t.test('a question may be about 1,000 conversations and rooms with the longest names', async (t) => {
    const name = (n: number, length: number) => `${n}${'ä'.repeat(length)}`.slice(0, length)
    const many = Array.from({ length: 1_000 }, (_, n) => n)
    const rooms = many.map((n) => name(n, 128))
    const own = many.map((n) => ({ user: `${n}-${'u'.repeat(64)}`.slice(0, 64), room: name(n, 128) }))
    const ids = many.map((n) => `${n}-${'i'.repeat(64)}`.slice(0, 64))
    for (const [how, client] of clients) {
      const states = await client.conversationStates({ rooms, own })
      t.equal(states.own.length, 1_000, how)
      const users = own.map(({ user }) => user)
      t.ok(await client.receipts({ rooms: rooms.map((room) => ({ room })), users }), how)
      t.same(await client.known('general', [...ids.slice(1), 'a']), { through: 2, ids: ['a'] }, how)
    }
  })

  await t.test('users are no services, and services no users', async (t) => {
    const ada = await tokens.sign({ id: 'ada', name: 'Ada' }, 3600, ['moderator', 'service'])
    const service = await internalTokens.sign({ caller: 'gateway', for: 'ada' })
    const ask = async (path: string, token?: string) => {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
      const request = path.startsWith('/internal')
        ? { method: 'POST' as const, payload: { id: 'a' } }
        : { method: 'GET' as const }
      return (await app.inject({ ...request, url: path, headers })).statusCode
    }
    for (const room of ['general', 'dm:ada:bob']) {
      for (const token of [undefined, ada, `${service}x`]) {
        t.equal(await ask(`/internal/rooms/${room}/message`, token), 401)
      }
      t.equal(await ask(`/internal/rooms/${room}/message`, service), 200)
    }
    t.equal(await ask('/api/rooms/dm:ada:bob/messages', service), 401)
    t.equal(await ask('/api/rooms/dm:ada:bob/messages', ada), 200)
  })

  await t.test('a replay keeps the ids of changes that need not be sent', async (t) => {
    const last = edit('e3', 'a', { text: 'ö' })
    log.append(edit('e2', 'a'), last)
    await waitForOffset(database, 4)
    for (const [how, client] of clients) {
      const replay = await client.replay({ room: 'general', after: ['e2'], limit: 10 }, undefined)
      t.strictSame(replay.ids, ['e2', 'e3'], how)
      const lines = replay.lines.map((line) => Buffer.from(line, 'latin1').toString())
      t.strictSame(lines, ['', JSON.stringify(last)], how)
    }
  })

  await t.test('what can’t be asked is an error', async (t) => {
    await t.rejects(overHttp('http://127.0.0.1:1', internalTokens).find('general', 'a', undefined))
  })
})
