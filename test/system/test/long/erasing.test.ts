import { assertNothingLeft, connectChat, noRateLimits, startCluster, until } from '@rabble/harness'
import { createTokens } from '@rabble/service'
import t from 'tap'

/*
 * A user is erased on one gateway while others read on another one, and the history that works on it is killed.
 */

assertNothingLeft(t)

const timeout = 120_000
const count = 400
const { url, gateways, histories, secret } = await startCluster(t, {
  gateways: 2,
  histories: 2,
  rooms: 1,
  env: { ...noRateLimits, RABBLE_PARTITIONS: '2' },
})
const tokens = createTokens(secret)
const tokenOf = (id: string, roles: string[] = []) => tokens.sign({ id, name: `Name of ${id}` }, 3600, roles)
const [ada, bob, mona] = [await tokenOf('ada'), await tokenOf('bob'), await tokenOf('mona', ['moderator'])]
const [one, two] = [gateways[0]?.url ?? '', gateways[1]?.url ?? '']

async function get(path: string, token: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } })
  return { status: response.status, text: await response.text() }
}

t.test('a moderator erases a user on all gateways, though the history that works on it dies', async (t) => {
  const writer = await connectChat(t, one, { token: ada, timeout })
  const reader = await connectChat(t, two, { token: bob, timeout })
  const rooms = ['tea', 'coffee', 'milk']
  for (const room of rooms) {
    await reader.join(room)
    await writer.join(room)
  }
  const first = await reader.send('tea', 'of Bob')
  for (let n = 0; n < count; n++) await writer.send(rooms[n % rooms.length] ?? '', `secret ${n}`)
  await writer.react('tea', first.id, '🎉')
  const exported = async () => (await get('/api/users/ada/export', ada)).text
  await until(
    async () => (await exported()).includes(`"messages":${count},"reactions":1`),
    timeout,
    'history to have all of it',
  )
  t.equal((await get('/api/users/ada/export', bob)).status, 403)

  const response = await fetch(`${url}/api/users/ada/erasure`, {
    method: 'POST',
    headers: { authorization: `Bearer ${mona}`, 'content-type': 'application/json' },
    body: JSON.stringify({ confirm: 'ada' }),
  })
  t.equal(response.status, 202, await response.text())
  t.match(await writer.closed, { code: 1008 })
  await reader.waitFor(({ type }) => type === 'delete', timeout)
  // Either may be the one that works on it. The other one goes on, and then the first one comes back.
  await histories[0]?.kill()
  const state = async () => JSON.parse((await get('/api/users/ada/erasure', mona)).text)
  await until(async () => (await state()).state === 'done', timeout, 'the erasure to end')
  await histories[0]?.restart()
  await histories[0]?.ready()

  const deleted = () => new Set(rooms.flatMap((room) => reader.events(room)).flatMap(deletionOf))
  await until(() => deleted().size === count, timeout, 'each message to be deleted for who watches')
  const late = await connectChat(t, one, { token: bob, timeout })
  const resumed = async () => {
    const { events, complete } = await late.join('tea', { after: first.id })
    t.equal(complete, true)
    // Of a reaction that was taken back, gateways remember the event, with the name.
    return JSON.stringify(events.filter(({ type }) => type !== 'reaction'))
  }
  await until(
    async () => !/secret|Name of ada/.test(await resumed()),
    timeout,
    'nothing of her for who resumes',
  )
  for (const room of rooms) {
    const { text } = await get(`/api/rooms/${room}/messages?limit=1000`, bob)
    t.notMatch(text, /secret|Name of ada|🎉/, room)
  }
  t.same(JSON.parse((await get('/api/search?q=secret', bob)).text), { results: [], hasMore: false })
  const audit = await get('/api/audit?action=user.erase', mona)
  t.match(JSON.parse(audit.text), { entries: [{ actor: { id: 'mona' }, user: 'ada' }] })
  await t.rejects(
    connectChat(t, two, { token: ada, timeout }),
    { code: 'forbidden' },
    'she is kept out for now',
  )
})

function deletionOf(event: { type: string; message?: string }): string[] {
  return event.type === 'delete' && event.message !== undefined ? [event.message] : []
}
