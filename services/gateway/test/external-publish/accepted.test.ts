import { createManualClock } from '@rabble/clock/manual'
import { eventId, noticeId } from '@rabble/contract/ids'
import { connectChat } from '@rabble/harness'
import { createTokens } from '@rabble/service'
import t, { type Test } from 'tap'
import { build, secret, type TestGateway } from '../build.ts'
import { createFakeRooms } from '../fake-rooms.ts'
import { createMemoryLog } from '../memory-log.ts'
import { pass } from '../time.ts'
import { type Answer, asProgram, deploys } from './program.ts'

async function listen(t: Test, { ws }: TestGateway, name = 'Ada') {
  const client = await connectChat(t, ws, { name })
  await client.join('general')
  return client
}

t.test('a program says something in a room as the user of its token', async (t) => {
  const log = createMemoryLog()
  const rooms = createFakeRooms(log, createTokens(secret))
  const clock = createManualClock()
  const gateway = await build(t, { log, rooms, clock })
  const post = await asProgram(gateway)
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
  await pass(clock, 1_000, () => rooms.audited.length === 3, 'moderators to be able to read it')
  const entry = { actor: deploys, action: 'service.message', room: 'general' }
  t.same(rooms.audited[0], { ...entry, detail: { id: body.id, way: 'http' } })
  t.equal(
    await gateway.metric('rabble_gateway_worker_publishes_total', { way: 'http', result: 'published' }),
    3,
  )
})

t.test('the system tells something to one user, to a room, or to everybody', async (t) => {
  const gateway = await build(t)
  const post = await asProgram(gateway)
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
  const posts = await Promise.all(gateways.map((gateway) => asProgram(gateway)))
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
    const post = await asProgram(gateway, { id, name: id })
    for (const path of ['notify', 'rooms/general/messages']) {
      const body = { text: `${path} of ${id}`, ...(path === 'notify' && { room: 'general' }) }
      const { status, body: answer } = await post(path, body, key)
      t.equal(status, 201)
      t.match(await ada.sees(answer.id ?? ''), body)
    }
  }
  t.equal(ada.messages('general').length, 4)
})

t.test(
  'a log that is down: unavailable, with a time to come back, and nothing is published twice',
  async (t) => {
    const clock = createManualClock()
    const gateway = await build(t, { clock })
    const post = await asProgram(gateway)
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
    await clock.advance(1_000)
    t.equal((await post('notify', notice)).body.id, noticeId('deploys', 'general', 'a'))
    const last = await post('notify', { room: 'general', text: 'the last' })
    await ada.sees(last.body.id ?? '')
    t.equal(ada.messages('general').length, 2)
  },
)
