import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import {
  assertNothingLeft,
  dataFolder,
  startPushReceiver,
  startService,
  until,
  vapidKeys,
} from '@rabble/harness'
import { createTokens } from '@rabble/service'
import t from 'tap'
import { describeMessages } from '../../src/asyncapi.ts'
import { describeHttp } from '../../src/openapi.ts'
import { describedFrames, describedRequests } from '../described.ts'

assertNothingLeft(t)
const secret = 'a secret that is long enough to be one'
/** Requests of Rabble to programs of the operator, by the names of their descriptions. */
const received: { name: string; headers: IncomingHttpHeaders; body: unknown }[] = []
const allowed = { action: 'allow' }
const programs = createServer(async (request, response) => {
  const body: unknown = JSON.parse(await text(request))
  const name = request.url === '/events' ? 'events' : 'beforePublish'
  received.push({ name, headers: request.headers, body })
  if (name === 'events') response.writeHead(204).end()
  else response.writeHead(200).end(JSON.stringify(allowed))
})
programs.listen(0, '127.0.0.1')
await once(programs, 'listening')
t.teardown(() => {
  programs.closeAllConnections()
  programs.close()
})
const program = `http://127.0.0.1:${(programs.address() as AddressInfo).port}`
const vapid = vapidKeys()
const pushService = await startPushReceiver(t, vapid.publicKey)
const key = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const rabble = await startService(t, 'standalone', {
  DATA_DIR: dataFolder(t),
  RABBLE_SECRET: secret,
  RABBLE_WEBHOOK_URL: `${program}/events`,
  RABBLE_WEBHOOK_SECRET: key,
  RABBLE_BEFORE_PUBLISH_URL: `${program}/question`,
  RABBLE_BEFORE_PUBLISH_SECRET: key,
  RABBLE_VAPID_PUBLIC_KEY: vapid.publicKey,
  RABBLE_VAPID_PRIVATE_KEY: vapid.privateKey,
  RABBLE_VAPID_SUBJECT: 'mailto:ops@chat.example',
  RABBLE_PUSH_HOSTS: pushService.host,
})
const tokens = createTokens(secret)
const [http, messages] = [await describeHttp('1'), describeMessages('1')]
const { ask, seen, isOfHttp } = describedRequests(rabble.url, http)
const connect = describedFrames(rabble.url, messages)

t.test('frames in both directions are as the description says', async (t) => {
  const [ada, bob] = [await connect(t), await connect(t)]
  await ada.send({ type: 'join', room: 'lounge' }, 'error')
  const { token = '' } = await ada.send({ type: 'hello', name: 'Ada' }, 'welcome')
  const { user } = await bob.send({ type: 'hello', name: 'Bob' }, 'welcome')
  await ada.send({ type: 'refresh', token }, 'refreshed')
  for (const one of [ada, bob]) await one.send({ type: 'join', room: 'lounge', recent: 10 }, 'joined')
  const { id } = await ada.send(
    { type: 'send', room: 'lounge', text: 'Hi', cid: '1', resent: 5, meta: { mood: 'good' } },
    'sent',
  )
  const { id: answer } = await bob.send({ type: 'send', room: 'lounge', text: 'Hi!', replyTo: id }, 'sent')
  await ada.send({ type: 'edit', room: 'lounge', id, text: 'Hello', cid: '2' }, 'sent')
  await bob.send({ type: 'delete', room: 'lounge', id: answer }, 'sent')
  await ada.send({ type: 'send', to: user.id, text: 'A word' }, 'sent')
  await bob.send({ type: 'react', room: 'lounge', id, emoji: '👍' }, 'sent')
  ada.tell({ type: 'typing', room: 'lounge' })
  ada.tell({ type: 'signal', room: 'lounge', name: 'cursor', data: { x: 1 } })
  await ada.send({ type: 'members', room: 'lounge' }, 'members')
  await ada.send({ type: 'gateways' }, 'gateways')
  await ada.send({ type: 'conversations' }, 'conversations')
  await bob.send({ type: 'leave', room: 'lounge', keep: true }, 'left')
  await bob.send({ type: 'watch' }, 'watching')
  await bob.send({ type: 'mute', room: 'lounge', muted: true }, 'sent')
  await ada.send({ type: 'send', room: 'lounge', text: 'Look, Bob', mentions: [user.id] }, 'sent')
  await ada.send({ type: 'receipts', room: 'lounge' }, 'receipts')
  await bob.send({ type: 'read', room: 'lounge', upTo: id }, 'sent')
  await bob.send({ type: 'privacy', receipts: true }, 'privacy')
  await ada.send({ type: 'people', users: [user.id] }, 'people')
  bob.tell({ type: 'away', away: true })
  await ada.send({ type: 'ping' }, 'pong')
  await ada.send({ type: 'join', room: 'lounge', after: id }, 'joined')
  await ada.send({ type: 'leave', room: 'lounge' }, 'left')
  const wanted = Object.keys(messages.channels.frames?.messages ?? {}).filter(
    (name) => name !== 'serverReconnect',
  )
  const all = () => new Set([...ada.types, ...bob.types])
  await until(() => wanted.every((name) => all().has(name)), 60_000, 'all kinds of frames')
  t.same([...all()].sort(), wanted.sort())
})

t.test('requests and answers over HTTP are as the description says', async (t) => {
  const moderator = await tokens.sign({ id: 'mona', name: 'Mona' }, 600, ['moderator'])
  const program = await tokens.sign({ id: 'builds', name: 'Builds' }, 600, ['service'])
  const session = await ask(t, 'POST /api/session', { body: { name: 'Grace' } })
  const { token, user } = session.body as { token: string; user: { id: string } }
  await ask(t, 'POST /api/session', { body: { name: 'Mona\u0000' } })
  await ask(t, 'POST /api/session', { body: { name: 'System' } })
  await ask(t, 'POST /api/session', { body: { keep: true, name: 'Kim' } })
  await ask(t, 'POST /api/session', { body: { keep: true } })
  await ask(t, 'GET /api/sign-in')
  await ask(t, 'GET /api/sign-in/provider')
  await ask(t, 'GET /api/sign-in/callback')
  await ask(t, 'GET /api/session', { token })
  await ask(t, 'GET /api/session')

  const room = 'workshop'
  const params = { room }
  await ask(t, 'POST /api/rooms', {
    token,
    body: { name: room, topic: 'Tools', capacity: 5, retention: { days: 3 } },
  })
  await ask(t, 'POST /api/rooms', { token, body: { name: room } })
  await ask(t, 'POST /api/rooms', { body: { name: room } })
  await ask(t, 'PATCH /api/rooms/{room}', { token, params, body: { capacity: null, access: 'invite' } })
  await ask(t, 'GET /api/rooms', { query: '?sort=users&limit=1' })
  await ask(t, 'GET /api/rooms', { query: '?limit=0' })
  await ask(t, 'GET /api/rooms/{room}', { token, params })
  await ask(t, 'GET /api/rooms/{room}', { params })
  await ask(t, 'GET /api/rooms/{room}', { params: { room: 'nowhere' } })
  await ask(t, 'PUT /api/rooms/{room}/invitations/{user}', { token, params: { room, user: 'bob' } })
  await ask(t, 'DELETE /api/rooms/{room}/invitations/{user}', { token, params: { room, user: 'bob' } })
  await ask(t, 'GET /api/rooms/{room}/members', { params: { room: 'lounge' } })

  const publish = 'POST /api/rooms/{room}/messages'
  const lounge = { room: 'lounge' }
  const body = { text: 'Build 7 is done', cid: 'build-7', meta: { build: 7 }, as: 'Build 7' }
  await ask(t, publish, { token: program, params: lounge, body })
  await ask(t, publish, { token: program, params: lounge, body: { text: 7 } })
  await ask(t, publish, { token: program, params: lounge, body: { text: 'x'.repeat(5000) } })
  await ask(t, publish, { token, params: lounge, body })
  await ask(t, publish, { params: lounge, body })
  await ask(t, 'POST /api/notify', { token: program, body: { text: 'Hello', room: 'lounge' } })
  const wrong = await ask(t, publish, { token: program, params: lounge, body: { text: 'a mistake' } })
  const { id } = wrong.body as { id: string }
  const remove = 'DELETE /api/rooms/{room}/messages/{id}'
  await ask(t, remove, { token: program, params: { room: 'lounge', id } })
  await ask(t, remove, { token, params: { room: 'lounge', id } })

  const pages = 'GET /api/rooms/{room}/messages'
  await until(
    async () => JSON.stringify((await ask(t, pages, { params: lounge })).body).includes('Build 7'),
    60_000,
    'history to have the message',
  )
  await ask(t, pages, { params: lounge, query: '?limit=x' })
  await ask(t, pages, { params: { room: 'dm:ada:bob' }, token })
  await ask(t, 'GET /api/rooms/{room}/export', { params: lounge })
  const whole = 'GET /api/users/{user}/export'
  await ask(t, whole, { token, params: { user: user.id } })
  await ask(t, whole, { token, params: { user: 'mona' } })
  await ask(t, whole, { params: { user: user.id } })
  await ask(t, 'GET /api/conversations', { token })
  await ask(t, 'GET /api/conversations', { token, query: '?limit=x' })
  await ask(t, 'GET /api/conversations')
  await ask(t, 'GET /api/push')
  const subscription = pushService.subscribe()
  const [save, end] = ['PUT /api/push/subscription', 'DELETE /api/push/subscription']
  await ask(t, save, { token, body: subscription })
  await ask(t, save, { token, body: { ...subscription, endpoint: 'https://chat.example/' } })
  await ask(t, save, { body: subscription })
  await ask(t, end, { token, body: { endpoint: subscription.endpoint } })
  await ask(t, end, { body: { endpoint: subscription.endpoint } })
  const events = 'GET /api/events'
  const first = await ask(t, events, { token: program, query: '?from=first' })
  const { position } = first.body as { position: string }
  t.match(first.body, { events: [{ event: { room: 'lounge' } }] })
  await ask(t, events, { token: program, query: `?after=${position}&room=lounge` })
  await ask(t, events, { token: program, query: '?after=nowhere' })
  await ask(t, events, { token: program, query: '?direct=true' })
  await ask(t, events)
  await until(
    async () =>
      JSON.stringify((await ask(t, 'GET /api/search', { query: '?q=build' })).body).includes('"results":[{'),
    60_000,
    'the search to find the message',
  )
  await ask(t, 'GET /api/search', { query: '?q=-' })

  const said = await ask(t, pages, { params: lounge })
  const [{ id: built }] = (said.body as { messages: [{ id: string }] }).messages
  const [reports, closing] = ['POST /api/reports', 'PATCH /api/reports/{id}']
  const made = await ask(t, reports, { token, body: { room: 'lounge', message: built, reason: 'spam' } })
  await ask(t, reports, { token, body: { room: 'lounge', message: 'nothing' } })
  await ask(t, reports, { body: { room: 'lounge', message: built } })
  await ask(t, 'GET /api/reports', { token: moderator })
  await ask(t, 'GET /api/reports', { token })
  for (let n = 0; n < 2; n++) {
    const params = made.body as { id: number }
    await ask(t, closing, { token: moderator, params, body: { outcome: 'dismissed' } })
  }

  for (const list of ['bans', 'mutes']) {
    const post = `POST /api/moderation/${list}`
    const given = await ask(t, post, { token: moderator, body: { user: 'eve', room: 'lounge', seconds: 60 } })
    await ask(t, post, { token: moderator, body: { user: 'eve', reason: 'spam' } })
    await ask(t, post, { token, body: { user: 'eve' } })
    await ask(t, `GET /api/moderation/${list}`, { token: moderator })
    await ask(t, `GET /api/moderation/${list}`, { token })
    const { id } = given.body as { id: number }
    for (let n = 0; n < 2; n++) {
      await ask(t, `DELETE /api/moderation/${list}/{id}`, { token: moderator, params: { id } })
    }
  }
  await ask(t, 'POST /api/moderation/kicks', { token: moderator, body: { user: user.id } })
  const erase = 'POST /api/users/{user}/erasure'
  const eve = { user: 'eve' }
  await ask(t, erase, { token: moderator, params: eve, body: { confirm: 'eve' } })
  await ask(t, erase, { token: moderator, params: eve, body: { confirm: 'Eve' } })
  await ask(t, erase, { token, params: eve, body: { confirm: 'eve' } })
  await ask(t, 'GET /api/users/{user}/erasure', { token: moderator, params: eve })
  await ask(t, 'GET /api/users/{user}/erasure', { token: moderator, params: { user: 'nobody' } })
  await ask(t, 'GET /api/audit', { token: moderator })
  await ask(t, 'GET /api/audit', { token })
  await ask(t, 'DELETE /api/rooms/{room}', { token, params })
  await ask(t, 'DELETE /api/session', { token })
  await ask(t, 'POST /api/route/forget')
  await ask(t, 'GET /api/route')
  await ask(t, 'GET /api/route', { query: `?not=${'x'.repeat(257)}` })
  for (const path of ['/sse', '/poll']) {
    await ask(t, `POST ${path}`, { headers: { 'last-event-id': 'nobody' } })
    await ask(t, `DELETE ${path}`, { headers: { 'last-event-id': 'nobody' } })
  }

  const others = [
    'GET /ws',
    'GET /sse',
    'GET /poll',
    'POST /sse',
    'POST /poll',
    'DELETE /sse',
    'DELETE /poll',
  ]
  const all = Object.entries(http.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  )
  const succeeded = [...seen].filter((about) => /2\d\d$/.test(about)).map((about) => about.slice(0, -4))
  t.same(
    all.filter((name) => !succeeded.includes(name)).sort(),
    // One process has neither Nginx nor an address besides its own, and this one has no provider of accounts.
    [
      ...others,
      'POST /api/route/forget',
      'GET /api/route',
      'GET /api/sign-in/provider',
      'GET /api/sign-in/callback',
    ].sort(),
    'each other operation has succeeded once',
  )
})

t.test('requests to programs of the operator are as the description says', async (t) => {
  const types = ({ body }: { body: unknown }) =>
    (body as { data?: { events: { type: string }[] } }).data?.events.map(({ type }) => type) ?? []
  const events = () => received.filter(({ name }) => name === 'events').flatMap(types)
  await until(
    () => ['message', 'edit', 'delete'].every((type) => events().includes(type)),
    60_000,
    'events of all types',
  )
  t.same(new Set(received.map(({ name }) => name)), new Set(Object.keys(http.webhooks)))
  for (const { name, headers, body } of received) {
    const { parameters = [], requestBody } = http.webhooks[name]?.post ?? {}
    t.equal(parameters.length, 3, name)
    for (const { name: header, schema } of parameters) {
      const value = schema.type === 'integer' ? Number(headers[header]) : headers[header]
      t.equal(isOfHttp(schema, value), undefined, header)
    }
    const { schema } = requestBody?.content[String(headers['content-type'])] ?? {}
    t.equal(isOfHttp(schema ?? { $ref: '#/missing' }, body), undefined, name)
  }
  const answer = http.webhooks.beforePublish?.post.responses[200]?.content?.['application/json']
  t.equal(isOfHttp(answer?.schema ?? { $ref: '#/missing' }, allowed), undefined)
})
