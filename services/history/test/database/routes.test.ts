import { MessagesReply, SearchReply } from '@rabble/contract'
import { Value } from '@rabble/contract/typebox'
import { until } from '@rabble/harness'
import { Registry } from 'prom-client'
import { createMetrics } from '../../src/metrics.ts'
import { build, timeout, tokens, waitFor } from '../build.ts'
import { onBoth } from '../databases.ts'
import { createMemoryLog } from '../memory-log.ts'
import { message } from '../message.ts'

const ada = { id: 'ada', name: 'Ada' }
const eve = { id: 'eve', name: 'Eve' }

await onBoth(async (t, databases) => {
  const database = await databases.empty(t)
  const log = createMemoryLog()
  // 64 letters of four bytes each: the longest name that fits into an address.
  const longRoom = '𐐀'.repeat(64)
  const events = [
    message('a'),
    message('b', { meta: { bold: true }, replyTo: 'a' }),
    { ...message('c'), later: 'version' },
    message('d', { room: 'dm:ada:bob' }),
    message('e', { room: 'user:ada' }),
    message('f', { room: '*' }),
    message('g', { room: 'Ein Raum.1' }),
  ]
  log.append(...events)
  const app = build(t, { log, database })
  await app.ready()

  async function get(path: string, token?: string, of = app) {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const reply = await of.inject({ url: `/api/rooms/${path}`, headers })
    return { status: reply.statusCode, headers: reply.headers, body: reply.json() }
  }
  const get404 = async (path: string) => (await get(path)).status

  await t.test('a page is what clients got live, and nothing less', async (t) => {
    await until503Ends(() => get404('general/messages'))
    await waitFor(database, events.length)
    const { status, headers, body } = await get('general/messages')
    t.equal(status, 200)
    t.match(headers['content-type'], /^application\/json/)
    const more = (hasMore: boolean, hasMoreBefore: boolean, hasMoreAfter: boolean) => ({
      hasMore,
      hasMoreBefore,
      hasMoreAfter,
    })
    t.same(body, { messages: events.slice(0, 3), ...more(false, false, false) })
    t.ok(Value.Check(MessagesReply, body))
    const pages: [string, object][] = [
      ['general/messages?limit=1', { messages: [events[2]], ...more(true, true, false) }],
      ['general/messages?before=c&limit=1', { messages: [events[1]], ...more(true, true, true) }],
      ['general/messages?before=b', { messages: [events[0]], ...more(false, false, true) }],
      ['general/messages?after=a&limit=1', { messages: [events[1]], ...more(true, true, true) }],
      ['general/messages?after=b', { messages: [events[2]], ...more(false, true, false) }],
      ['general/messages?around=b&limit=1', { messages: [events[1]], ...more(true, true, true) }],
      ['general/messages?around=a&limit=2', { messages: events.slice(0, 2), ...more(false, false, true) }],
      ['general/messages?limit=1000', { messages: events.slice(0, 3), ...more(false, false, false) }],
      ['nowhere/messages', { messages: [], ...more(false, false, false) }],
    ]
    for (const [path, expected] of pages) t.same((await get(path)).body, expected, path)
  })

  await t.test('a page tells where the log had lost something', async (t) => {
    const noticedAt = '2026-11-22T10:00:00.000Z'
    await database.query(
      'insert into history.gaps (partition, sequence, expected, found, noticed_at) values (0, 2, 5, 9, $1)',
      [noticedAt],
    )
    t.teardown(() => database.query('delete from history.gaps', []))
    const { body } = await get('general/messages')
    t.same(body.gaps, [{ before: 'c', noticedAt }])
    t.ok(Value.Check(MessagesReply, body))
  })

  await t.test('names of rooms come as they are encoded', async (t) => {
    t.same((await get('Ein%20Raum.1/messages')).body.messages, [events[6]])
    t.equal((await get(`${encodeURIComponent(longRoom)}/messages`)).status, 200)
  })

  await t.test('a request that breaks a rule is told which', async (t) => {
    const wrong: [string, RegExp][] = [
      ['general/messages?limit=0', /limit must be >= 1/],
      ['general/messages?limit=1001', /limit must be <= 1000/],
      ['general/messages?limit=many', /limit must be integer/],
      ['general/messages?limit=1.5', /limit must be integer/],
      ['general/messages?before=', /before must NOT have fewer than 1/],
      ['general/messages?before=a&after=b', /exclude each other/],
      ['general/messages?before=a&around=b', /exclude each other/],
      ['general/messages?around=a&after=a', /exclude each other/],
      ['general/messages?around=none', /names no message of this room/],
      ['general/messages?before=none', /names no message of this room/],
      ['general/messages?after=d', /names no message of this room/],
      ['%20general/messages', /not the name of a room/],
      ['a%00b/messages', /not the name of a room/],
      ['dm:bob:ada/messages', /not the name of a room/],
      ['dm:ada/messages', /not the name of a room/],
      [`${'x'.repeat(65)}/messages`, /not the name of a room/],
    ]
    for (const [path, rule] of wrong) {
      const { status, body } = await get(path)
      t.equal(status, 400, path)
      t.match(body, { statusCode: 400, code: 'bad-frame', message: rule }, path)
    }
  })

  await t.test('direct messages and inboxes are for those whose token names them', async (t) => {
    const token = await tokens.sign(ada, 3600)
    t.same((await get('dm:ada:bob/messages', token)).body.messages, [events[3]])
    t.same((await get('dm%3Aada%3Abob/messages', token)).body.messages, [events[3]])
    t.same((await get('user:ada/messages', token)).body.messages, [events[4]])
    for (const room of ['dm:ada:bob', 'user:ada', 'dm:ada:ada']) {
      const anonymous = await get(`${room}/messages`)
      t.match(anonymous, { status: 401, body: { statusCode: 401, code: 'unauthorized' } })
      const stranger = await get(`${room}/messages?limit=1`, await tokens.sign(eve, 3600))
      t.match(stranger, { status: 403, body: { statusCode: 403, code: 'forbidden' } })
      const forged = await get(`${room}/messages`, `${token}x`)
      t.match(forged, { status: 401, body: { code: 'unauthorized' } })
      const expired = await get(`${room}/messages`, await tokens.sign(ada, -1))
      t.match(expired, { status: 401, body: { code: 'unauthorized' } })
    }
  })

  await t.test('what was said to everybody may be read by everybody', async (t) => {
    t.same((await get('*/messages')).body.messages, [events[5]])
  })

  await t.test('where tokens are required, they are for any room', async (t) => {
    const closed = build(t, { log, database, requireToken: true })
    await closed.ready()
    const token = await tokens.sign(eve, 3600)
    await until503Ends(async () => (await get('general/messages', token, closed)).status)
    t.equal((await get('general/messages', token, closed)).status, 200)
    t.equal((await get('*/messages', token, closed)).status, 200)
    t.equal((await get('general/messages', undefined, closed)).status, 401)
    t.equal((await get('*/messages', undefined, closed)).status, 401)
    t.equal((await get('dm:ada:bob/messages', token, closed)).status, 403)
  })

  const find = async (query: string, token?: string, of = app) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const reply = await of.inject({ url: `/api/search?${query}`, headers })
    return { status: reply.statusCode, body: reply.json() }
  }
  const idsOf = ({ body }: { body: SearchReply }) => body.results.map(({ message }) => message.id)

  await t.test('a search gives messages and where the words are', async (t) => {
    await until(
      async () => idsOf(await find('q=text&limit=100')).length === 5,
      timeout,
      'the search to follow',
    )
    const { status, body } = await find('q=text+b')
    t.equal(status, 200)
    t.same(body, {
      results: [
        {
          message: events[1],
          snippet: [
            { text: 'text', match: true },
            { text: ' of ', match: false },
            { text: 'b', match: true },
          ],
        },
      ],
      hasMore: false,
    })
    t.ok(Value.Check(SearchReply, body))
    t.same(idsOf(await find('q=text&room=general&sort=newest')), ['c', 'b', 'a'])
    t.same((await find('q=text&sort=newest&limit=2&room=general')).body.hasMore, true)
    t.same(idsOf(await find('q=text&sort=newest&room=general&before=b')), ['a'])
    t.same(idsOf(await find('q=text&from=eve')), [])
    t.same(idsOf(await find('q=text&since=2026-11-22T10:00:00.001Z')), [])
    t.same(idsOf(await find('q=text&until=2026-11-23&room=general')).length, 3)
  })

  await t.test('a search finds what its caller may read', async (t) => {
    const token = await tokens.sign(ada, 3600)
    t.same(idsOf(await find('q=text')).sort(), ['a', 'b', 'c', 'f', 'g'])
    t.same(idsOf(await find('q=text', token)).sort(), ['a', 'b', 'c', 'd', 'e', 'f', 'g'])
    t.same(idsOf(await find('q=text', await tokens.sign(eve, 3600))).sort(), ['a', 'b', 'c', 'f', 'g'])
    t.same(idsOf(await find('q=text&room=dm:ada:bob', token)), ['d'])
    t.equal((await find('q=text&room=dm:ada:bob')).status, 401)
    t.equal((await find('q=text&room=dm:ada:bob', await tokens.sign(eve, 3600))).status, 403)
    t.equal((await find('q=text', `${token}x`)).status, 401)
    const closed = build(t, { log, database, requireToken: true })
    await closed.ready()
    await until503Ends(async () => (await find('q=text', token, closed)).status)
    t.equal((await find('q=text', undefined, closed)).status, 401)
    t.equal((await find('q=text', token, closed)).status, 200)
  })

  await t.test('a search that breaks a rule is told which', async (t) => {
    const wrong: [string, RegExp][] = [
      ['', /required property 'q'/],
      ['q=', /q must NOT have fewer than 1/],
      ['q=-no', /a word to search for/],
      [`q=${'x'.repeat(257)}`, /q must NOT have more than 256/],
      ['q=a&sort=best', /sort must be equal to one of/],
      ['q=a&limit=101', /limit must be <= 100/],
      ['q=a&room=%20', /not the name of a room/],
      ['q=a&since=yesterday!', /since must be a time/],
      ['q=a&until=0000-01-01', /until must be a time/],
      ['q=a&before=none', /no result of this search/],
      ['q=a&q=b', /q must be string/],
    ]
    for (const [query, rule] of wrong) {
      const { status, body } = await find(query)
      t.equal(status, 400, query)
      t.match(body, { statusCode: 400, code: 'bad-frame', message: rule }, query)
    }
  })

  await t.test('what it counts is told under names that say history', async (t) => {
    const lines = [
      /^rabble_history_messages_total 7$/m,
      /^rabble_history_position\{partition="0"\} 0$/m,
      /^rabble_history_lag_seconds 0$/m,
      /^rabble_history_query_seconds_count\{query="page"\} [1-9]/m,
      /^rabble_history_query_seconds_count\{query="search"\} [1-9]/m,
    ]
    // Some are missing while another of these histories writes.
    await until(
      async () => {
        const { body } = await app.inject('/metrics')
        return lines.every((line) => line.test(body))
      },
      timeout,
      'the metrics',
    )
    const registry = new Registry()
    createMetrics(registry)
    for (const { name, help } of await registry.getMetricsAsJSON()) {
      t.match(name, /^rabble_history_[a-z_]+$/)
      t.match(help, /^[A-Z0-9].+\.$/)
    }
  })
})

async function until503Ends(status: () => Promise<number>): Promise<void> {
  await until(async () => (await status()) !== 503, timeout, 'history to be ready')
}
