import { createManualClock } from '@rabble/clock/manual'
import { until } from '@rabble/harness'
import { createTokens } from '@rabble/service'
import t from 'tap'
import { build, secret } from '../build.ts'
import { createFakeRooms } from '../fake-rooms.ts'
import { createMemoryLog } from '../memory-log.ts'
import { pass } from '../time.ts'
import { type Answer, asProgram, deploys } from './program.ts'

t.test('only a bearer token with the role service may publish, and what is tried is audited', async (t) => {
  const log = createMemoryLog()
  const rooms = createFakeRooms(log, createTokens(secret))
  const clock = createManualClock()
  const gateway = await build(t, { log, rooms, clock })
  const { tokens } = gateway
  const post = await asProgram(gateway)
  const moderator = await tokens.sign(deploys, 600, ['moderator', 'services'])
  const service = await tokens.sign(deploys, 600, ['service'])
  const expired = await tokens.sign(deploys, -10, ['service'])
  const attempts = [
    ['no token', { authorization: '' }, 401, 'unauthorized'],
    ['no bearer token', { authorization: `Basic ${service}` }, 401, 'unauthorized'],
    ['an expired one', { authorization: `Bearer ${expired}` }, 401, 'unauthorized'],
    ['a forged one', { authorization: `Bearer ${service.slice(0, -4)}AAAA` }, 401, 'unauthorized'],
    ['a cookie', { authorization: '', cookie: `rabble_session=${service}` }, 401, 'unauthorized'],
    ['a token without the role', { authorization: `Bearer ${moderator}` }, 403, 'forbidden'],
  ] as const
  const answers: unknown[] = []
  const expected: unknown[] = []
  for (const [what, headers, status, code] of attempts) {
    for (const path of ['notify', 'rooms/general/messages', 'rooms/a:b/messages']) {
      answers.push([what, path, await post(path, { text: 'hi' }, headers)])
      expected.push([what, path, { status, body: { statusCode: status, code, message: String } }])
    }
  }
  t.match(answers, expected)
  t.equal(gateway.log.length, 1, 'nothing was published')
  t.equal(await gateway.metric('rabble_gateway_worker_publishes_total', { result: 'forbidden' }), 3)
  await pass(clock, 1_000, () => rooms.audited.length === 9, 'moderators to be able to read it')
  const detail = { gateway: gateway.gateway.id, address: '127.0.0.1' }
  t.match(rooms.audited[0], { actor: { id: '' }, detail: { ...detail, code: 'unauthorized' } })
  const known = { actor: deploys, action: 'login.refused', detail: { ...detail, code: 'forbidden' } }
  t.same(rooms.audited.slice(-3), [known, known, known], 'whose token it was is known')
})

t.test('a program that is banned or muted says nothing there, nor has the system say it', async (t) => {
  const log = createMemoryLog()
  const rooms = createFakeRooms(log, createTokens(secret))
  const gateway = await build(t, { log, rooms })
  const post = await asProgram(gateway)
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
      const answers = []
      for (const [path, body] of statuses) answers.push(await post(path, body))
      t.match(
        answers,
        statuses.map(([, , status]) =>
          status === 403 ? { status, body: { code: 'forbidden', message: /noise/ } } : { status },
        ),
        `${kind} ${room}`,
      )
    }
  }
})

t.test('what is wrong is refused with a sentence that says so', async (t) => {
  const gateway = await build(t, { limits: { textCharacters: 10, frameBytes: 1024 } })
  const post = await asProgram(gateway)
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
    ['notify', { text: '\u200b' }, 400, 'bad-frame', /invisible/],
    ['notify', { text, cid: '\ud800' }, 400, 'bad-frame', /cid must be well-formed/],
    ['notify', { text, cid: '' }, 400, 'bad-frame', /cid/],
    ['notify', { text, cid: 'x'.repeat(129) }, 400, 'bad-frame', /cid/],
    ['notify', { text }, 400, 'bad-frame', /1 to 128/, 'x'.repeat(129)],
    ['notify', { text, cid: 'a' }, 400, 'bad-frame', /differs/, 'b'],
    ['rooms/general/messages', { text: '' }, 400, 'bad-frame', /must not be empty/],
    ['rooms/general/messages', { message: text }, 400, 'bad-frame', /text/],
    ['rooms/general/messages', { text, as: 'System' }, 400, 'bad-frame', /as must be/],
    ['rooms/general/messages', { text, as: ' ' }, 400, 'bad-frame', /as must be/],
    ['rooms/general/messages', { text, as: '\u3164' }, 400, 'bad-frame', /as must be/],
    ['rooms/general/messages', { text, meta }, 413, 'too-large', /nested no deeper than 32/],
    ['rooms/general/messages', { text, meta: 7 }, 400, 'bad-frame', /meta must be object/],
    [`rooms/${encodeURIComponent('a\u0007')}/messages`, { text }, 400, 'bad-frame', /room name/],
    ['rooms/a:b/messages', { text }, 400, 'bad-frame', /room name/],
    ['rooms/general%EF%B8%8F/messages', { text }, 400, 'bad-frame', /room name/],
    ['rooms/*/messages', { text }, 403, 'forbidden', /notify/],
    ['rooms/user:ada/messages', { text }, 403, 'forbidden', /others/],
    ['rooms/user:deploys/messages', { text }, 403, 'forbidden', /notify/],
    ['rooms/dm:ada:bob/messages', { text }, 403, 'forbidden', /others/],
  ]
  const answers: unknown[] = []
  const expected: unknown[] = []
  for (const [path, body, status, code, message, key] of refused) {
    const what = `${path} ${JSON.stringify(body).slice(0, 60)}`
    answers.push([what, await post(path, body, key === undefined ? {} : { 'idempotency-key': key })])
    expected.push([what, { status, body: { statusCode: status, code, message } }])
  }
  t.match(answers, expected)
  t.equal(gateway.log.length, 1, 'nothing was published')
})

t.test('who publishes too fast is told when to come back, and others are not held up', async (t) => {
  const clock = createManualClock()
  const gateway = await build(t, { clock, workerMessagesPerSecond: 5 })
  const post = await asProgram(gateway)
  const flood = async () => {
    const answers: Answer[] = []
    for (let n = 0; n < 6; n++) answers.push(await post('notify', { text: 'hi' }))
    return answers
  }
  const answers = await flood()
  t.strictSame(
    answers.map(({ status }) => status),
    [201, 201, 201, 201, 201, 429],
  )
  t.match(answers.at(-1), { retryAfter: '1', body: { code: 'rate-limited' } })
  const authorization = `Bearer ${await gateway.tokens.sign({ id: 'other', name: 'Other' }, 600, ['service'])}`
  t.equal((await post('notify', { text: 'hi' }, { authorization })).status, 201)
  await clock.advance(200)
  t.equal((await post('notify', { text: 'hi' })).status, 201)
})
