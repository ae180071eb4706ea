import { createManualClock } from '@rabble/clock/manual'
import { eventId, noticeId } from '@rabble/contract/ids'
import { connectChat, until } from '@rabble/harness'
import { createTokens } from '@rabble/service'
import t, { type Test } from 'tap'
import { createRates } from '../src/workers/rates.ts'
import { build, secret, type TestGateway } from './build.ts'
import { createFakeRooms } from './fake-rooms.ts'
import { createMemoryLog } from './memory-log.ts'

const deploys = { id: 'deploys', name: 'Deploys' }

interface Answer {
  status: number
  retryAfter: string | null
  body: { id?: string; code?: string; message?: string; statusCode?: number }
}

type Post = (path: string, body: unknown, headers?: Record<string, string>) => Promise<Answer>

/** Posts with a token of the role `service`, unless the headers say otherwise. */
async function worker({ http, tokens }: TestGateway, user = deploys): Promise<Post> {
  const authorization = `Bearer ${await tokens.sign(user, 600, ['service'])}`
  return async (path, body, headers = {}) => {
    const response = await fetch(`${http}/api/${path}`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
    const answer = (await response.json()) as Answer['body']
    return { status: response.status, retryAfter: response.headers.get('retry-after'), body: answer }
  }
}

async function listen(t: Test, { ws }: TestGateway, name = 'Ada') {
  const client = await connectChat(t, ws, { name })
  await client.join('general')
  return client
}

t.test('a program says something in a room as the user of its token', async (t) => {
  const log = createMemoryLog()
  const rooms = createFakeRooms(log, createTokens(secret))
  const gateway = await build(t, { log, rooms })
  const post = await worker(gateway)
  const ada = await listen(t, gateway)
  const { status, body } = await post('rooms/general/messages', {
    text: 'deployed \ud800',
    cid: 'build 7',
    replyTo: 'x',
    meta: { build: 7 },
    unknown: true,
  })
  t.equal(status, 201)
  t.same(body, { id: eventId('deploys', 'general', 'build 7') }, 'once the log has it')
  t.equal(gateway.log.length, 2, 'with the mark of the start')
  t.match(await ada.sees(body.id ?? ''), {
    type: 'message',
    room: 'general',
    cid: 'build 7',
    from: deploys,
    text: 'deployed \ufffd',
    via: gateway.gateway.id,
    replyTo: 'x',
    meta: { build: 7 },
  })
  const other = await post('rooms/general/messages', { text: 'and this', as: ' Deploys (Berlin) ' })
  t.match(await ada.sees(other.body.id ?? ''), { from: { id: 'deploys', name: 'Deploys (Berlin)' } })
  const direct = await post('rooms/dm:ada:deploys/messages', { text: 'to the one it may write to' })
  t.equal(direct.status, 201)
  await until(() => rooms.audited.length === 3, 60_000, 'moderators to be able to read it')
  const entry = { actor: deploys, action: 'service.message', room: 'general' }
  t.same(rooms.audited[0], { ...entry, detail: { id: body.id, way: 'http' } })
  t.equal(
    await gateway.metric('rabble_gateway_worker_publishes_total', { way: 'http', result: 'published' }),
    3,
  )
})

t.test('the system tells something to one user, to a room, or to everybody', async (t) => {
  const gateway = await build(t)
  const post = await worker(gateway)
  const ada = await listen(t, gateway)
  const bob = await connectChat(t, gateway.ws, { name: 'Bob' })
  const user = bob.user?.id ?? ''
  const one = await post('notify', { user, text: 'only you' })
  const room = await post('notify', { room: 'general', message: 'all here' })
  const all = await post('notify', { text: 'everybody' })
  t.same([one.status, room.status, all.status], [201, 201, 201])
  await Promise.all([ada, bob].map((client) => client.sees(all.body.id ?? '')))
  const system = { id: 'system', name: 'System' }
  t.match(bob.messages(`user:${user}`), [{ id: one.body.id, text: 'only you', from: system }])
  t.match(ada.messages('general'), [{ id: room.body.id, text: 'all here', from: system }])
  t.match(ada.messages('*'), [{ id: all.body.id, text: 'everybody', from: system }])
  t.same(ada.messages(`user:${user}`), [])
  t.same(bob.messages('general'), [])
})

t.test('the same key again is the same message, over any gateway, and however the key came', async (t) => {
  const log = createMemoryLog()
  const gateways = [await build(t, { log }), await build(t, { log })]
  const [ada, bob] = await Promise.all(gateways.map((gateway, n) => listen(t, gateway, `listener ${n}`)))
  const posts = await Promise.all(gateways.map((gateway) => worker(gateway)))
  const header = { 'idempotency-key': 'a-1' }
  const same: Promise<Answer>[] = []
  for (const post of posts) {
    same.push(post('notify', { room: 'general', text: 'once' }, header))
    same.push(post('notify', { room: 'general', text: 'once', cid: 'a-1' }))
    same.push(post('notify', { room: 'general', text: 'once', cid: 'a-1' }, header))
  }
  const answers = await Promise.all(same)
  t.ok(answers.every(({ status, body }) => status === 201 && body.id === answers[0]?.body.id))
  const [post] = posts
  const last = await post?.('notify', { room: 'general', text: 'the last' })
  for (const client of [ada, bob]) {
    await client?.sees(last?.body.id ?? '')
    t.same(
      client?.messages('general').map(({ text }) => text),
      ['once', 'the last'],
    )
  }
  const twice = [await post?.('notify', { text: 'equal' }), await post?.('notify', { text: 'equal' })]
  t.not(twice[0]?.body.id, twice[1]?.body.id, 'without a key, equal texts are two messages')
})

t.test('keys of different programs have nothing to do with each other', async (t) => {
  const gateway = await build(t)
  const ada = await listen(t, gateway)
  const key = { 'idempotency-key': '1' }
  for (const id of ['backup', 'deploys']) {
    const post = await worker(gateway, { id, name: id })
    for (const path of ['notify', 'rooms/general/messages']) {
      const body = { text: `${path} of ${id}`, ...(path === 'notify' && { room: 'general' }) }
      const { status, body: answer } = await post(path, body, key)
      t.equal(status, 201)
      t.match(await ada.sees(answer.id ?? ''), body)
    }
  }
  t.equal(ada.messages('general').length, 4)
})

t.test('only a bearer token with the role service may publish, and what is tried is audited', async (t) => {
  const log = createMemoryLog()
  const rooms = createFakeRooms(log, createTokens(secret))
  const gateway = await build(t, { log, rooms })
  const { tokens } = gateway
  const post = await worker(gateway)
  const moderator = await tokens.sign(deploys, 600, ['moderator', 'services'])
  const service = await tokens.sign(deploys, 600, ['service'])
  const expired = await tokens.sign(deploys, -10, ['service'])
  for (const [what, headers, status, code] of [
    ['no token', { authorization: '' }, 401, 'unauthorized'],
    ['no bearer token', { authorization: `Basic ${service}` }, 401, 'unauthorized'],
    ['an expired one', { authorization: `Bearer ${expired}` }, 401, 'unauthorized'],
    ['a forged one', { authorization: `Bearer ${service.slice(0, -4)}AAAA` }, 401, 'unauthorized'],
    ['a cookie', { authorization: '', cookie: `rabble_session=${service}` }, 401, 'unauthorized'],
    ['a token without the role', { authorization: `Bearer ${moderator}` }, 403, 'forbidden'],
  ] as const) {
    for (const path of ['notify', 'rooms/general/messages', 'rooms/a:b/messages']) {
      const answer = await post(path, { text: 'hi' }, headers)
      t.match(answer, { status, body: { statusCode: status, code, message: String } }, `${what}: ${path}`)
    }
  }
  t.equal(gateway.log.length, 1, 'nothing was published')
  t.equal(await gateway.metric('rabble_gateway_worker_publishes_total', { result: 'forbidden' }), 3)
  await until(() => rooms.audited.length === 9, 60_000, 'moderators to be able to read it')
  const detail = { gateway: gateway.gateway.id, address: '127.0.0.1' }
  t.match(rooms.audited[0], { actor: { id: '' }, detail: { ...detail, code: 'unauthorized' } })
  const known = { actor: deploys, action: 'login.refused', detail: { ...detail, code: 'forbidden' } }
  t.same(rooms.audited.slice(-3), [known, known, known], 'whose token it was is known')
})

t.test('a program that is banned or muted says nothing there, nor has the system say it', async (t) => {
  const log = createMemoryLog()
  const rooms = createFakeRooms(log, createTokens(secret))
  const gateway = await build(t, { log, rooms })
  const post = await worker(gateway)
  for (const kind of ['ban', 'mute'] as const) {
    for (const room of ['general', undefined]) {
      const here = room !== undefined
      const version = await gateway.metric('rabble_gateway_policies_version')
      rooms.put('rule', { kind, user: 'deploys', ...(here && { room }), reason: 'noise' })
      await until(
        async () => (await gateway.metric('rabble_gateway_policies_version')) > version,
        60_000,
        'the gateway to know',
      )
      const statuses: [path: string, body: object, status: number][] = [
        ['rooms/general/messages', { text: 'hi' }, 403],
        ['notify', { room: 'general', text: 'hi' }, 403],
        ['rooms/elsewhere/messages', { text: 'hi' }, here ? 201 : 403],
        ['notify', { text: 'hi' }, here ? 201 : 403],
      ]
      for (const [path, body, status] of statuses) {
        const answer = await post(path, body)
        t.equal(answer.status, status, `${kind} ${room} ${path}`)
        if (status === 403) t.match(answer.body, { code: 'forbidden', message: /noise/ })
      }
    }
  }
})

t.test('what is wrong is refused with a sentence that says so', async (t) => {
  const gateway = await build(t, { limits: { textCharacters: 10, frameBytes: 1024 } })
  const post = await worker(gateway)
  let meta = {}
  for (let depth = 0; depth < 33; depth++) meta = { meta }
  const text = 'hi'
  const refused: [
    path: string,
    body: unknown,
    status: number,
    code: string,
    message: RegExp,
    key?: string,
  ][] = [
    ['notify', { user: 'ada', room: 'general', text }, 400, 'bad-frame', /user or room/],
    ['notify', { user: 'system', text }, 400, 'bad-frame', /user must be the id of a user/],
    ['notify', { user: null, text }, 400, 'bad-frame', /user must be string/],
    ['notify', { room: 'a:b', text }, 400, 'bad-frame', /room must be the name of a room/],
    ['notify', { room: 'user:ada', text }, 400, 'bad-frame', /room must be the name of a room/],
    ['notify', {}, 400, 'bad-frame', /text or message/],
    ['notify', { text, message: text }, 400, 'bad-frame', /text or message/],
    ['notify', { text: '' }, 400, 'bad-frame', /must not be empty/],
    ['notify', { text: 7 }, 400, 'bad-frame', /text must be string/],
    ['notify', [], 400, 'bad-frame', /must be object/],
    ['notify', '{', 400, 'bad-frame', /JSON/],
    ['notify', '', 400, 'bad-frame', /empty/],
    ['notify', { text: 'x'.repeat(11) }, 413, 'too-large', /10 characters/],
    ['notify', { text, padding: 'x'.repeat(1024) }, 413, 'too-large', /too large/],
    ['notify', { text, cid: '' }, 400, 'bad-frame', /cid/],
    ['notify', { text, cid: 'x'.repeat(129) }, 400, 'bad-frame', /cid/],
    ['notify', { text }, 400, 'bad-frame', /1 to 128/, 'x'.repeat(129)],
    ['notify', { text, cid: 'a' }, 400, 'bad-frame', /another one/, 'b'],
    ['rooms/general/messages', { text: '' }, 400, 'bad-frame', /must not be empty/],
    ['rooms/general/messages', { message: text }, 400, 'bad-frame', /text/],
    ['rooms/general/messages', { text, as: 'System' }, 400, 'bad-frame', /as must be/],
    ['rooms/general/messages', { text, as: ' ' }, 400, 'bad-frame', /as must be/],
    ['rooms/general/messages', { text, meta }, 413, 'too-large', /nested no deeper than 32/],
    ['rooms/general/messages', { text, meta: 7 }, 400, 'bad-frame', /meta must be object/],
    [`rooms/${encodeURIComponent('a\u0007')}/messages`, { text }, 400, 'bad-frame', /room name/],
    ['rooms/a:b/messages', { text }, 400, 'bad-frame', /room name/],
    ['rooms/*/messages', { text }, 403, 'forbidden', /notify/],
    ['rooms/user:ada/messages', { text }, 403, 'forbidden', /others/],
    ['rooms/user:deploys/messages', { text }, 403, 'forbidden', /notify/],
    ['rooms/dm:ada:bob/messages', { text }, 403, 'forbidden', /others/],
  ]
  for (const [path, body, status, code, message, key] of refused) {
    const answer = await post(path, body, key === undefined ? {} : { 'idempotency-key': key })
    const named = `${path} ${JSON.stringify(body).slice(0, 60)}`
    t.match(answer, { status, body: { statusCode: status, code, message } }, named)
  }
  t.equal(gateway.log.length, 1, 'nothing was published')
})

t.test('who publishes too fast is told when to come back, and others are not held up', async (t) => {
  const gateway = await build(t, { workerMessagesPerSecond: 5 })
  const post = await worker(gateway)
  const refused: Answer[] = []
  // On a slow machine, so many as are allowed in the time that they take are no few.
  const flood = async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => post('notify', { text: 'hi' })))
    refused.push(...answers.filter(({ status }) => status === 429))
    return refused.length > 0
  }
  await until(flood, 60_000, 'one to be refused')
  t.match(refused[0], { retryAfter: '1', body: { code: 'rate-limited' } })
  const authorization = `Bearer ${await gateway.tokens.sign({ id: 'other', name: 'Other' }, 600, ['service'])}`
  t.equal((await post('notify', { text: 'hi' }, { authorization })).status, 201)
})

t.test('so many programs are remembered and no more', async (t) => {
  const rates = createRates(1, createManualClock(), 3)
  const limited = (key: string) => {
    try {
      rates.take(key)
      return false
    } catch {
      return true
    }
  }
  t.same(['a', 'b', 'c', 'a'].map(limited), [false, false, false, true])
  // The one that was used longest ago is forgotten: b for d, then c for b.
  t.same(['d', 'b', 'a', 'd', 'c'].map(limited), [false, false, true, true, false])
})

t.test(
  'a log that is down: unavailable, with a time to come back, and nothing is published twice',
  async (t) => {
    const gateway = await build(t)
    const post = await worker(gateway)
    const ada = await listen(t, gateway)
    gateway.log.broken = true
    const notice = { room: 'general', text: 'hi', cid: 'a' }
    t.match(await post('notify', notice), { status: 503, body: { code: 'unavailable' } })
    gateway.log.broken = false
    gateway.log.losesConfirms = true
    const lost = post('notify', notice)
    await ada.sees(noticeId('deploys', 'general', 'a'))
    gateway.log.losesConfirms = false
    t.equal((await lost).status, 201, 'it came back through the log')
    t.equal((await post('notify', notice)).body.id, noticeId('deploys', 'general', 'a'))
    const last = await post('notify', { room: 'general', text: 'the last' })
    await ada.sees(last.body.id ?? '')
    t.equal(ada.messages('general').length, 2)
  },
)
