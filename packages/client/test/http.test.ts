import { until } from '@rabble/harness'
import t, { type Test } from 'tap'
import type { FetchLike } from '../src/index.ts'
import { exportMessages } from '../src/search.ts'
import { message, startFakeGateway, welcome } from './fake-gateway.ts'

type Given = Parameters<FetchLike>

/** Connects a chat with the token `mine`, whose requests `answer` answers. */
async function connect(t: Test, answer: (...given: Given) => unknown) {
  const gateway = await startFakeGateway(t, (frame) =>
    frame.type === 'hello' ? welcome({ token: 'mine' }) : undefined,
  )
  const asked: Given[] = []
  const fetch = (async (...given: Given) => {
    asked.push(given)
    return answer(...given)
  }) as FetchLike
  const chat = gateway.connect({ fetch })
  await chat.ready
  return { chat, gateway, asked }
}

const json = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  new Response(body === undefined ? null : JSON.stringify(body), { status, headers })

t.test('a request goes to a path below the address, as the user', async (t) => {
  const { chat, gateway, asked } = await connect(t, () => json(200, { fine: true }))
  const path = ['api', 'rooms', 'a/b ü']
  const query = { limit: 5, q: 'x y', after: undefined }
  t.same(await chat.request(path, { method: 'POST', query, body: { name: 'x' } }), { fine: true })
  const [[url, init] = []] = asked
  t.equal(url, `${gateway.url}/api/rooms/a%2Fb%20%C3%BC?limit=5&q=x+y`)
  t.match(init, {
    method: 'POST',
    headers: { authorization: 'Bearer mine', 'content-type': 'application/json' },
    body: '{"name":"x"}',
  })
  for (const name of ['.', '..', '', 'half \ud800']) {
    await t.rejects(chat.request(['api', 'rooms', name]), { code: 'bad-frame' })
  }
  t.equal(asked.length, 1)
})

t.test('an answer without content is undefined, and a refusal is an error with its code', async (t) => {
  const answers = [
    json(204, undefined),
    json(429, { code: 'rate-limited', message: 'too often' }, { 'retry-after': '3' }),
    new Response('<html>', { status: 502 }),
    new Response('<html>', { status: 413 }),
    json(200, {}),
  ]
  const { chat, asked } = await connect(t, () => answers.shift() ?? Promise.reject(new Error('no network')))
  t.equal(await chat.request(['a']), undefined)
  await t.rejects(chat.request(['a']), {
    code: 'rate-limited',
    message: 'too often',
    retryAfter: 3_000,
    retry: true,
  })
  await t.rejects(chat.request(['a']), { code: 'unavailable', retryAfter: undefined, retry: true })
  await t.rejects(chat.request(['a']), { code: 'too-large', retry: false }, 'the page of a proxy')
  await chat.request(['a'])
  await t.rejects(chat.request(['a']), { code: 'disconnected', message: 'Error: no network' })
  t.equal(asked.length, 6)
})

t.test('a token that is too old is left away where only reading is asked for', async (t) => {
  const refusal = { code: 'unauthorized', message: 'too old' }
  const { chat, asked } = await connect(t, (_, { headers }) =>
    headers.authorization === undefined ? json(200, { fine: true }) : json(401, refusal),
  )
  t.same(await chat.request(['api', 'rooms']), { fine: true })
  await t.rejects(chat.request(['api', 'rooms'], { method: 'POST' }), refusal)
  t.equal(asked.length, 3)
})

t.test('an answer that does not come in ten seconds is given up', async (t) => {
  const never = (_: string, { signal }: Given[1]) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  const { chat, gateway, asked } = await connect(t, never)
  const failed = chat.request(['a']).catch((error: unknown) => error)
  await until(() => asked.length === 1, 30_000, 'the request')
  await gateway.clock.advance(9_999)
  t.equal(asked[0]?.[1].signal.aborted, false)
  await gateway.clock.advance(1)
  t.match(await failed, { code: 'disconnected', message: 'no answer in time' })
  const end = new AbortController()
  const aborted = chat.request(['a'], { signal: end.signal })
  await until(() => asked.length === 2, 30_000, 'the request')
  end.abort()
  await t.rejects(aborted, { code: 'disconnected' })
})

t.test('an export that breaks off is an error, and one that nobody reads on is ended', async (t) => {
  let lines = ''
  const { chat, asked } = await connect(t, () => new Response(lines))
  const texts = async (most = 10) => {
    const seen: string[] = []
    for await (const { id } of exportMessages(chat, 'general')) if (seen.push(id) === most) break
    return seen
  }
  const two = ['m1', 'm2'].map((id) => `${JSON.stringify(message('general', id))}\n`).join('')
  lines = two
  t.same(await texts(), ['m1', 'm2'])
  t.same(await texts(1), ['m1'])
  t.ok(asked.at(-1)?.[1].signal.aborted)
  lines = two.slice(0, -1)
  await t.rejects(texts(), { code: 'disconnected' })
})
