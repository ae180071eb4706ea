import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { assertNothingLeft, startCluster, until } from '@rabble/harness'
import { createTokens } from '@rabble/service'
import t from 'tap'
import type { Chat, ChatError } from '../../src/index.ts'
import {
  banUser,
  closeReport,
  kickUser,
  liftBan,
  liftMute,
  listAudit,
  listBans,
  listMutes,
  listReports,
  muteUser,
  reportMessage,
} from '../../src/moderation.ts'
import { react } from '../../src/reactions.ts'
import {
  changeRoom,
  createRoom,
  deleteRoom,
  getRoom,
  inviteUser,
  listMembers,
  listRooms,
  uninviteUser,
} from '../../src/rooms.ts'
import { exportMessages, searchMessages } from '../../src/search.ts'
import { createSession, getSession, signOut } from '../../src/session.ts'
import { sendSignal } from '../../src/signals.ts'
import { chatWith, createStorage, watch } from '../build.ts'

assertNothingLeft(t)

const { url, secret, gateways } = await startCluster(t)
const example = fileURLToPath(new URL('../../../../../examples/client/rooms.mjs', import.meta.url))
const token = await createTokens(secret).sign({ id: 'mona', name: 'Mona' }, 3600, ['moderator'])

const idOf = ({ user }: Chat) => user?.id ?? ''

t.test('an owner creates, changes and deletes a room, and says who may enter', async (t) => {
  const [ada, bob] = [chatWith(t, { url, name: 'Ada' }), chatWith(t, { url, name: 'Bob' })]
  await Promise.all([ada.ready, bob.ready])
  const name = 'secret plans ü'
  t.match(await createRoom(ada, name, { access: 'invite', topic: 'plans' }), { name, createdBy: idOf(ada) })
  await t.rejects(createRoom(ada, name), { code: 'room-exists', retry: false })
  await t.rejects(getRoom(bob, name), { code: 'forbidden' })
  await inviteUser(ada, name, idOf(bob))
  // Nobody remembers for longer than that who is invited.
  await until(
    () =>
      bob
        .room(name)
        .join()
        .then(
          () => true,
          () => false,
        ),
    30_000,
    'Bob to enter',
  )
  t.match(await listMembers(ada, name), { users: [{ name: 'Bob' }], count: 1, hasMore: false })
  t.match(await changeRoom(ada, name, { topic: 'better plans', capacity: 7 }), {
    topic: 'better plans',
    capacity: 7,
  })
  t.notOk('capacity' in (await changeRoom(ada, name, { capacity: null })))
  t.match((await listRooms(ada, { q: 'better' })).rooms, [{ name }])
  const events = watch(bob.room(name))
  await uninviteUser(ada, name, idOf(bob))
  await until(() => events.some(({ type }) => type === 'left'), 30_000, 'Bob to be put out')
  t.match(bob.room(name).state, { status: 'left', code: 'forbidden' })
  await deleteRoom(ada, name)
  await t.rejects(getRoom(ada, name), { code: 'forbidden' }, 'the room has no owner any more')
  await t.rejects(getRoom(ada, 'nowhere'), { code: 'room-not-found' })
  await t.rejects(getRoom(ada, '..'), { code: 'bad-frame' })
})

t.test('a moderator kicks, mutes and bans, and all of it is recorded', async (t) => {
  const [mona, eve] = [chatWith(t, { url, token }), chatWith(t, { url, name: 'Eve' })]
  const room = eve.room('general')
  await Promise.all([mona.ready, room.join()])
  const user = idOf(eve)
  await t.rejects(kickUser(eve, { user: 'mona' }), { code: 'forbidden' })
  const events = watch(room)
  await kickUser(mona, { user, room: 'general', reason: 'a warning' })
  await until(() => events.some(({ type }) => type === 'left'), 30_000, 'the kick')
  t.match(room.state, { status: 'left', code: 'forbidden', reason: /a warning/ })
  await room.join()
  const mute = await muteUser(mona, { user, room: 'general', seconds: 600 })
  t.match((await listMutes(mona, { user })).mutes, [{ id: mute.id }])
  await until(
    () =>
      room.send('may I?').then(
        () => false,
        ({ code }: ChatError) => code === 'forbidden',
      ),
    30_000,
    'the mute',
  )
  await liftMute(mona, mute.id)
  const ban = await banUser(mona, { user, reason: 'enough' })
  t.match((await listBans(mona, { user })).bans, [{ id: ban.id, reason: 'enough' }])
  await until(() => eve.status === 'closed', 30_000, 'the ban')
  t.match(eve.state, { code: 'policy' })
  await liftBan(mona, ban.id)
  await t.rejects(liftBan(mona, ban.id), { code: 'not-found' })
  t.same(
    (await listAudit(mona, { user })).entries.map(({ action }) => action),
    ['unban', 'ban', 'unmute', 'mute', 'kick'],
  )
})

t.test('a user reports a message, and a moderator reads and closes the report', async (t) => {
  const [mona, eve, bob] = [{ token }, { name: 'Hatter' }, { name: 'Guard' }].map((who) =>
    chatWith(t, { url, ...who }),
  )
  if (!mona || !eve || !bob) throw new Error('there are three')
  await Promise.all([mona.ready, eve.room('tea').join(), bob.ready])
  const { id: message } = await eve.room('tea').send('Buy my hats')
  const reported = async () => {
    const report = { room: 'tea', message, reason: 'spam' }
    const made = await reportMessage(bob, report).catch(({ code }: ChatError) => code)
    return made === 'not-found' ? undefined : made
  }
  await until(async () => (await reported()) !== undefined, 30_000, 'history to have the message')
  const made = await reported()
  const { reports } = await listReports(mona, { room: 'tea' })
  t.match(reports, [
    { ...Object(made), message: { id: message, text: 'Buy my hats' }, by: { name: 'Guard' } },
  ])
  await t.rejects(listReports(bob), { code: 'forbidden' })
  await closeReport(mona, reports[0]?.id ?? 0, 'acted')
  await t.rejects(closeReport(mona, reports[0]?.id ?? 0, 'acted'), { code: 'not-found' })
  t.match((await listReports(mona, { state: 'closed' })).reports, [{ closed: { outcome: 'acted' } }])
  const { entries } = await listAudit(mona, { action: 'report.close' })
  t.match(entries, [{ actor: { id: 'mona' }, user: idOf(eve), detail: { message } }])
})

t.test('who signs out is gone: the session, the name and what was stored', async (t) => {
  const storage = createStorage()
  const chat = chatWith(t, { url, name: 'Zoë', storage })
  await chat.ready
  t.match(await getSession(chat), { user: { id: idOf(chat), name: 'Zoë' }, guest: true, roles: [] })
  t.match(await createSession(chat, { name: 'Zoë' }), { user: { id: idOf(chat) } })
  await signOut(chat)
  t.equal(chat.status, 'closed')
  t.same([...storage.items.keys()], [])
  const other = chatWith(t, { url, name: 'Zoë' })
  await other.ready
  t.not(idOf(other), idOf(chat))
})

t.test('reactions and signals of users of two gateways reach both, and reactions stay', async (t) => {
  // Only the proxy has history, too.
  const urls = [gateways[0]?.url ?? '', gateways[1]?.url ?? '', url]
  const [ada, bob, cleo] = urls.map((url, index) =>
    chatWith(t, { url, name: ['Ada', 'Bob', 'Cleo'][index] ?? '' }),
  ) as [Chat, Chat, Chat]
  const [adas, bobs] = [ada.room('party'), bob.room('party')]
  await Promise.all([adas.join(), bobs.join()])
  const events = watch(bobs)
  const { id } = await adas.send('Who comes?')
  const sent = await Promise.all(['👍', '👍', '🎉'].map((emoji) => react(adas, id, emoji)))
  t.equal(sent[0]?.id, sent[1]?.id)
  await until(() => bobs.messages.some(({ reactions }) => reactions?.length === 2), 30_000, 'the reactions')
  await react(bobs, id, '👍')
  await react(adas, id, '🎉', { remove: true })
  const expected = [{ emoji: '👍', count: 2, users: [idOf(ada), idOf(bob)] }]
  const isThere = ({ messages }: Pick<typeof adas, 'messages'>) =>
    isDeepStrictEqual(messages.find((message) => message.id === id)?.reactions, expected)
  await until(() => isThere(adas) && isThere(bobs), 30_000, 'both to have the same')
  t.equal(events.filter(({ type }) => type === 'reaction').length, 4)
  const cleos = cleo.room('party')
  await until(async () => isThere(await cleos.history()), 30_000, 'history to have them')
  for await (const { reactions } of exportMessages(cleo, 'party')) t.same(reactions, expected)
  await cleos.join()
  t.ok(isThere(cleos))
  await t.rejects(react(cleos, id, 'no emoji'), { code: 'bad-frame' })
  await t.rejects(react(cleo.room('elsewhere'), id, '👍'), { code: 'not-joined' })

  sendSignal(adas, 'cursor', { x: 1 })
  const isSignal = ({ type }: { type: string }) => type === 'signal'
  await until(() => events.some(isSignal), 30_000, 'the signal')
  const from = { id: idOf(ada), name: 'Ada' }
  t.same(events.find(isSignal), { type: 'signal', room: 'party', from, name: 'cursor', data: { x: 1 } })
})

t.test('messages are found and exported, and a broken export is an error', async (t) => {
  const chat = chatWith(t, { url, name: 'Finn' })
  const room = chat.room('library')
  await room.join()
  for (const text of ['an old book', 'a new book', 'a lamp']) await room.send(text, { meta: { shelf: 1 } })
  const books = () => searchMessages(chat, 'book', { room: 'library', sort: 'newest', since: new Date(0) })
  await until(async () => (await books()).results.length === 2, 30_000, 'the search to know them')
  const { results, hasMore } = await books()
  t.match(results, [
    { message: { text: 'a new book', meta: { shelf: 1 } } },
    { message: { text: 'an old book' } },
  ])
  t.ok(results[0]?.snippet.some(({ match, text }) => match && text === 'book'))
  t.notOk(hasMore)
  const exported: string[] = []
  for await (const { text } of exportMessages(chat, 'library')) exported.push(text)
  t.same(exported, ['an old book', 'a new book', 'a lamp'])
  for await (const { text } of exportMessages(chat, 'library')) {
    t.equal(text, 'an old book')
    break
  }
  const end = new AbortController()
  end.abort()
  await t.rejects(exportMessages(chat, 'library', { signal: end.signal }).next(), { code: 'disconnected' })
  await t.rejects(searchMessages(chat, ''), { code: 'bad-frame' })
})

t.test('the example creates a room, finds what it said, and ends', async (t) => {
  const child = spawn(process.execPath, [example], {
    env: { PATH: process.env.PATH, RABBLE_URL: url },
    timeout: 90_000,
  })
  t.teardown(() => child.kill('SIGKILL'))
  let wrote = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => {
      wrote += text
    })
  }
  t.equal(await new Promise((resolve) => child.once('exit', resolve)), 0)
  t.equal(
    wrote,
    'What comes next: 0 of 10\nfound: The harbour opens in May\nexported: The harbour opens in May\n',
  )
})
