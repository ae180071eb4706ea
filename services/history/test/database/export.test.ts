import { once } from 'node:events'
import { connect } from 'node:net'
import type { Database } from '@rabble/database'
import { connectPostgres } from '@rabble/database'
import { sharedPostgres, startBridge, until } from '@rabble/harness'
import t, { type Test } from 'tap'
import { exportOf } from '../../src/messages/export.ts'
import { build, timeout, tokens, waitFor } from '../build.ts'
import { longTimeouts, onBoth } from '../databases.ts'
import { createMemoryLog } from '../memory-log.ts'
import { message } from '../message.ts'

const path = '/api/rooms/general/export'

/** Starts a history that listens, with a room of `count` messages. */
async function start(t: Test, database: Database, count: number, text = 'some words') {
  const log = createMemoryLog()
  const app = build(t, { log, database })
  const address = await app.listen({ port: 0, host: '127.0.0.1' })
  // A client that broke off an answer may leave a connection without a request, for which closing would wait.
  t.teardown(() => app.server.closeAllConnections())
  await until(async () => (await fetch(`${address}/readyz`)).status === 200, timeout, 'history to be ready')
  // Not through the log, which takes longer.
  await database.query(
    `insert into history.messages (partition, sequence, id, room, sender_id, sender_name, text, at, via, cid)
     select 0, n, 'm' || n, 'general', 'ada', 'Ada', $2, '2026-11-22T10:00:00Z', 'gateway-1', 'cid-m' || n
     from generate_series(1, $1::int) as numbers (n)`,
    [count, text],
  )
  return { log, app, address }
}

await onBoth(async (t, databases) => {
  await t.test('an export is the whole room in the order of the log, a message per line', async (t) => {
    const database = await databases.empty(t)
    const { address } = await start(t, database, 1_234)
    const reply = await fetch(address + path)
    t.equal(reply.status, 200)
    t.equal(reply.headers.get('content-type'), 'application/x-ndjson; charset=utf-8')
    const lines = (await reply.text()).split('\n')
    t.equal(lines.pop(), '', 'each line ends')
    t.equal(lines.length, 1_234)
    const expected = Array.from({ length: 1_234 }, (_, n) => message(`m${n + 1}`, { text: 'some words' }))
    t.same(
      lines.map((line) => JSON.parse(line)),
      expected,
    )
    const empty = await fetch(`${address}/api/rooms/nowhere/export`)
    t.same([empty.status, await empty.text()], [200, ''])
  })

  await t.test('what is written during an export is not in it', async (t) => {
    const database = await databases.empty(t)
    await start(t, database, 700)
    const chunks = exportOf(database, 'general', (work) => work())
    const first = await chunks.next()
    await database.query(
      `insert into history.messages (partition, sequence, id, room, sender_id, sender_name, text, via)
       select 0, 700 + n, 'late' || n, 'general', 'ada', 'Ada', 'x', 'g' from generate_series(1, 900) as numbers (n)`,
    )
    const rest: string[] = [first.value ?? '']
    for await (const chunk of chunks) rest.push(chunk)
    t.equal(rest.join('').split('\n').length - 1, 700)
    t.notMatch(rest.join(''), 'late')
  })

  await t.test('direct messages are exported for their participants only', async (t) => {
    const database = await databases.empty(t)
    const { address, log } = await start(t, database, 0)
    log.append(message('a', { room: 'dm:ada:bob' }))
    await waitFor(database, 1)
    const get = async (id?: string) => {
      const token = id && (await tokens.sign({ id, name: id }, 3600))
      return fetch(`${address}/api/rooms/dm:ada:bob/export`, {
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      })
    }
    t.equal((await get()).status, 401)
    t.equal((await get('eve')).status, 403)
    t.match(await (await get('bob')).text(), /^\{.*"id":"a".*\}\n$/)
  })
})

t.test('with PostgreSQL, and clients that misbehave', async (t) => {
  const server = await sharedPostgres(t)
  const toServer = await startBridge(t, await server.createDatabase())
  const database = await connectPostgres(toServer.url, longTimeouts)
  t.teardown(() => database.close())
  let reads = 0
  let reading = 0
  const counted: Database = {
    ...database,
    async query<Row>(sql: string, params?: readonly unknown[]) {
      if (!sql.includes('sequence <= $3')) return database.query<Row>(sql, params)
      reads++
      reading++
      try {
        return await database.query<Row>(sql, params)
      } finally {
        reading--
      }
    },
  }
  // 40 MB: more than the sockets hold.
  const { address } = await start(t, counted, 10_000, 'x'.repeat(4_000))
  const pages = 10_000 / 500

  /** Connects a client that reads the head of the answer, and then nothing more. */
  async function slowClient() {
    const socket = connect(Number(new URL(address).port), '127.0.0.1')
    t.teardown(() => socket.destroy())
    socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`)
    await once(socket, 'readable')
    return socket
  }

  /** Waits until no more pages are read: none is under way, and ten checks found no new one. */
  async function settled(): Promise<number> {
    let before = -1
    let looks = 0
    await until(
      () => {
        looks = reading === 0 && reads === before ? looks + 1 : 0
        before = reads
        return looks === 10
      },
      timeout,
      'the export to rest',
    )
    return reads
  }

  await t.test('what a client doesn’t read is not read from the database', async (t) => {
    reads = 0
    const one = await slowClient()
    const two = await slowClient()
    const read = await settled()
    t.ok(read < pages, `${read} of ${2 * pages} pages`)
    const third = await fetch(address + path)
    t.match(await third.json(), { statusCode: 429, code: 'rate-limited', message: /too many exports/ })
    t.equal(third.headers.get('retry-after'), '5')
    one.destroy()
    two.destroy()
    await until(
      async () => {
        const reply = await fetch(address + path)
        await reply.body?.cancel()
        return reply.status === 200
      },
      timeout,
      'the places to be free again',
    )
    t.ok((await settled()) < 2 * pages, 'and nothing is read for who has gone')
  })

  await t.test('a failure in between breaks the answer off', async (t) => {
    let reply = await fetch(address + path)
    await until(
      async () => {
        if (reply.status !== 200) reply = await fetch(address + path)
        return reply.status === 200
      },
      timeout,
      'a place',
    )
    await settled()
    toServer.cut()
    await t.rejects(reply.text(), /terminated|aborted|closed/)
    const later = await fetch(address + path)
    t.match(
      await later.json(),
      { statusCode: 503, code: 'unavailable' },
      'and one that begins then is told so',
    )
  })
})
