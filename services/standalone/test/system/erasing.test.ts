import {
  assertNothingLeft,
  connectChat,
  dataFolder,
  inForm,
  noRateLimits,
  startService,
  until,
} from '@rabble/harness'
import { createTokens } from '@rabble/service'
import t from 'tap'

/*
 * A guest of the page takes her data with her and is erased, while another user watches and the only process is killed.
 */

assertNothingLeft(t)

/** Time (ms) that an answer may take on a slow machine. */
const timeout = 120_000
const count = inForm(300, 2_000)
const secret = 'a secret that is long enough to be one'
const tokens = createTokens(secret)
const mona = await tokens.sign({ id: 'mona', name: 'Mona' }, 3600, ['moderator'])
const rabble = await startService(t, 'standalone', {
  DATA_DIR: dataFolder(t),
  RABBLE_SECRET: secret,
  LOG_LEVEL: 'warn',
  ...noRateLimits,
})

async function ask(
  request: string,
  token?: string,
  body?: object,
): Promise<{ status: number; body: string }> {
  const [method = '', path] = request.split(' ')
  const response = await fetch(`${rabble.url}${path}`, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: await response.text() }
}

/** Signs in as the page of a browser does. */
async function signIn(name: string | undefined, cookie = '') {
  const response = await fetch(`${rabble.url}/api/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: rabble.url, cookie },
    body: JSON.stringify({ keep: true, ...(name !== undefined && { name }) }),
  })
  const { token = '', user = { id: '' } } = (await response.json()) as {
    token?: string
    user?: { id: string }
  }
  const set = /rabble_login=[^;]+/.exec(response.headers.get('set-cookie') ?? '')?.[0] ?? cookie
  return { status: response.status, token, id: user.id, cookie: set }
}

t.test('a guest is exported and erased, although the process is killed in the midst', async (t) => {
  const guest = await signIn('Ada')
  const ada = await connectChat(t, rabble.url, { token: guest.token, timeout })
  const bob = await connectChat(t, rabble.url, { name: 'Bob', timeout })
  await bob.join('general')
  await ada.join('general')
  const of = await bob.send('general', 'of Bob')
  const ids: string[] = []
  for (let n = 0; n < count; n++) ids.push((await ada.send('general', `secret ${n}`)).id)
  const last = ids.at(-1) ?? ''
  await bob.sees(last, timeout)
  await ada.react('general', of.id, '👍')
  await ada.sendTo(bob.user?.id ?? '', 'a secret for two')
  const token = bob.frames.find((frame) => frame.type === 'welcome')?.token ?? ''

  const path = `/api/users/${guest.id}`
  const whole = async () => (await ask(`GET ${path}/export`, guest.token)).body
  await until(async () => (await whole()).includes('a secret for two'), timeout, 'history to have all of it')
  const lines = (await whole())
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.match(lines[0], { type: 'user', id: guest.id, names: ['Ada'], sessions: [{ name: 'Ada', guest: true }] })
  t.match(lines.at(-1), { type: 'end', conversations: 2, messages: count + 1, reactions: 1 })
  t.equal(lines.length, count + 6)
  t.same(
    lines.filter(({ type, from }) => type === 'message' && from.id !== guest.id),
    [],
    'nothing of others',
  )
  t.equal((await ask(`GET ${path}/export`, token)).status, 403)
  t.equal((await ask(`POST ${path}/erasure`, token, { confirm: guest.id })).status, 403)
  t.equal((await ask(`POST ${path}/erasure`, guest.token, { confirm: 'Ada' })).status, 400)

  const answer = await ask(`POST ${path}/erasure`, guest.token, { confirm: guest.id })
  t.equal(answer.status, 202)
  t.match(JSON.parse(answer.body), { user: guest.id, state: 'running', remains: Array })
  t.match(await ada.closed, { code: 1008 }, 'she is out')
  await t.rejects(connectChat(t, rabble.url, { token: guest.token, timeout }), {
    code: /forbidden|unauthorized/,
  })
  t.equal((await signIn(undefined, guest.cookie)).status, 401, 'the session of her browser has ended')

  const isDeletion = (frame: { type: string }) => frame.type === 'delete'
  t.match(await bob.waitFor(isDeletion, timeout), { from: { id: guest.id, name: 'Deleted user' } })
  await rabble.kill()
  await rabble.restart()
  const state = async () => JSON.parse((await ask(`GET ${path}/erasure`, mona)).body)
  await until(async () => (await state()).state === 'done', timeout, 'the erasure to end')

  const again = await connectChat(t, rabble.url, { token, timeout })
  const resumed = async () => JSON.stringify((await again.join('general', { after: of.id })).events)
  await until(async () => !(await resumed()).includes('secret'), timeout, 'no text for a client that resumes')
  t.match(JSON.parse((await ask(`GET /api/rooms/general/messages?limit=1000&after=${of.id}`)).body), {
    messages: ids.slice(0, 1_000).map((id) => ({ id, text: '', from: { name: 'Deleted user' } })),
  })
  const search = JSON.parse((await ask('GET /api/search?q=secret', token)).body)
  t.same(search, { results: [], hasMore: false })
  const { conversations } = JSON.parse((await ask('GET /api/conversations', token)).body)
  t.match(
    conversations.find((own: { room: string }) => own.room === 'general'),
    { unread: count, lastMessage: { id: last, text: '' } },
  )
  const page = JSON.parse((await ask(`GET /api/rooms/general/messages?around=${of.id}&limit=2`)).body)
  const message = page.messages.find(({ id }: { id: string }) => id === of.id)
  t.match(message, { text: 'of Bob' })
  t.notOk(message.reactions, 'her reaction is taken back')
  await until(async () => (await signIn('Ada')).status === 201, timeout, 'the name to be free again')
})
