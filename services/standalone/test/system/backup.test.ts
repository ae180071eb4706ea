import { execFile } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { lockFolder } from '@rabble/folder-lock'
import {
  assertNothingLeft,
  connectChat,
  dataFolder,
  inForm,
  privateFolder,
  startService,
  until,
} from '@rabble/harness'
import { createTokens } from '@rabble/service'
import t from 'tap'
import { backUp } from '../../src/backups/backup.ts'
import { restore } from '../../src/backups/restore.ts'

assertNothingLeft(t)

/** Time (ms) that an answer may take on a slow machine. */
const timeout = 120_000
const folder = dataFolder(t)
const backups = join(privateFolder(t, 'backups'), 'of-rabble')
const rabble = await startService(t, 'standalone', { DATA_DIR: folder, LOG_LEVEL: 'warn' })
const secret = () => readFileSync(join(folder, 'secret'), 'utf8').trim()
const modeOf = (path: string) => statSync(path).mode & 0o777

/** Programs that `docker/backup` and `docker/restore` run. */
async function run(name: string, ...args: string[]): Promise<string> {
  const main = fileURLToPath(new URL(`../../src/${name}-main.js`, import.meta.url))
  const env = { PATH: process.env.PATH, DATA_DIR: folder }
  const done = await promisify(execFile)(process.execPath, [main, ...args], { env }).catch(
    (error: { stderr: string }) => ({ stdout: error.stderr }),
  )
  return done.stdout
}

async function ask<Reply>(path: string, token?: string): Promise<Reply> {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const response = await fetch(`${rabble.url}/api/${path}`, { headers, signal: AbortSignal.timeout(timeout) })
  return (await response.json()) as Reply
}

interface Page {
  messages: { id: string; text: string }[]
  gaps?: object[]
}
interface Feed {
  events: { event: { id: string } }[]
  position: string
  hasMore: boolean
  gap?: string
}
interface Conversations {
  conversations: { room: string; unread: number; count: number }[]
}

const page = () => ask<Page>('rooms/general/messages?limit=200')
const textsOf = ({ messages }: Page) => messages.map(({ text }) => text)
const unreadOf = async (token: string) =>
  (await ask<Conversations>('conversations', token)).conversations.find(({ room }) => room === 'general')
    ?.unread

t.test('a backup that was made while people talked brings all of it back', async (t) => {
  const tokens = createTokens(secret())
  const bob = await tokens.sign({ id: 'bob', name: 'Bob' }, 3600)
  const program = await tokens.sign({ id: 'bridge', name: 'Bridge' }, 3600, ['service'])
  const ada = await connectChat(t, rabble.url, { name: 'Ada', timeout })
  const reader = await connectChat(t, rabble.url, { token: bob, timeout })
  await reader.join('general')
  await ada.join('general')
  const ids: string[] = []
  for (const text of ['one', 'two', 'three']) ids.push((await ada.send('general', text)).id)
  const [, second = '', third = ''] = ids
  await reader.request({ type: 'read', room: 'general', upTo: second })
  await until(async () => (await unreadOf(bob)) === 1, timeout, 'the read position to be stored')

  const [made] = await Promise.all([run('backup', '--to', backups), ada.send('general', 'meanwhile')])
  const [name = ''] = readdirSync(backups)
  const from = join(backups, name)
  t.match(made, `${from}: `)
  t.match(name, /^rabble-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d$/)
  for (const path of [backups, from]) t.equal(modeOf(path), 0o700, 'only its owner can enter it')
  t.equal(modeOf(join(from, 'secret')), 0o600)
  t.notOk(readdirSync(backups).includes('rabble.lock'))

  // Said after the backup, so nobody can bring it back.
  const { id: lost } = await ada.send('general', 'lost')
  await until(async () => textsOf(await page()).includes('lost'), timeout, 'it to be stored')
  const { position } = await ask<Feed>('events?from=now', program)
  await t.rejects(restore({ from, dataDir: folder, replace: true }), {
    message: `${folder} is in use by process ${rabble.pid}: stop it first`,
  })
  await rabble.kill()
  rmSync(folder, { recursive: true })

  t.match(await run('restore', '--from', from), /Users are told that messages may be missing/)
  t.equal(modeOf(folder), 0o700)
  await rabble.restart()
  await until(async () => (await page()).gaps !== undefined, timeout, 'the gap to be recorded')
  const restored = await page()
  const said = textsOf(restored).filter((text) => text !== 'meanwhile')
  t.same(said, ['one', 'two', 'three'], 'the same messages in the same order')
  t.ok([1, 2].includes((await unreadOf(bob)) ?? 0), 'and the same count of unread ones')

  const again = await connectChat(t, rabble.url, { name: 'Ada', timeout })
  t.same(again.user, ada.user, 'a guest has its name and its id')
  const newer = await again.join('general', { after: lost })
  t.equal(newer.complete, false, 'a client that had seen more is told')
  const bobAgain = await connectChat(t, rabble.url, { token: bob, timeout })
  const older = await bobAgain.join('general', { after: third })
  t.equal(older.complete, false, 'so is one that had missed what is lost')

  // Its position is before the gap, where there is nothing more.
  const before = await ask<Feed>(`events?after=${position}`, program)
  t.match(before, { events: [], hasMore: true })
  const feed = await ask<Feed>(`events?after=${before.position}`, program)
  t.equal(feed.gap, 'log-lost', 'and a program that follows all events')
  const { id: fresh } = await again.send('general', 'goes on')
  await bobAgain.sees(fresh)
  const next = await ask<Feed>(`events?after=${feed.position}&wait=20`, program)
  t.same(
    next.events.map(({ event }) => event.id),
    [fresh],
    'which gets what is written from now on',
  )
  await until(async () => textsOf(await page()).at(-1) === 'goes on', timeout, 'history to go on')
  const afterwards = await connectChat(t, rabble.url, { name: 'Cy', timeout })
  t.equal((await afterwards.join('general', { after: fresh })).complete, true, 'once, and no more')
})

t.test('a restore replaces nothing without being told to, and nothing by a damaged backup', async (t) => {
  await rabble.stop()
  const { folder: from, messages } = await backUp(folder, backups, new Date('2026-12-01T12:00:00Z'))
  t.match(from, /rabble-2026-12-01T12-00-00$/)
  t.ok(messages >= 4)
  t.notOk(existsSync(join(folder, 'rabble.lock')))
  await t.rejects(restore({ from, dataDir: folder }), { message: /has a database. With REPLACE=1/ })

  const damaged = join(backups, 'damaged')
  cpSync(from, damaged, { recursive: true })
  truncateSync(join(damaged, 'pglite', 'global', 'pg_control'), 100)
  await t.rejects(restore({ from: damaged, dataDir: folder, replace: true }), { message: /can't be opened/ })
  t.notOk(
    readdirSync(folder).some((name) => name.includes('replaced')),
    'the database stayed in its place',
  )

  for (const round of inForm(['once'], ['once', 'again'])) {
    const done = await run('restore', '--from', from, '--replace', '--nothing-lost')
    t.match(done, `as it was at 2026-12-01T12:00:00.000Z: ${messages} messages`, round)
    const [, kept = ''] = /^The one before is now (.*pglite\.replaced-.*):/m.exec(done) ?? []
    t.ok(existsSync(join(kept, 'PG_VERSION')), kept)
    rmSync(kept, { recursive: true })
  }
  await rabble.restart()
  const { messages: stored, gaps = [] } = await page()
  const { id = '' } = stored.at(-1) ?? {}
  const ada = await connectChat(t, rabble.url, { name: 'Dora', timeout })
  t.equal((await ada.join('general', { after: id })).complete, true, 'a move loses nothing')
  t.equal((await page()).gaps?.length ?? 0, gaps.length)
  await rabble.stop()
})

t.test('there is a reason for each backup that is refused', async (t) => {
  const empty = privateFolder(t, 'empty')
  await t.rejects(backUp(empty, backups), { message: `${empty} holds no database of \`make start\`` })
  await t.rejects(restore({ from: empty, dataDir: folder }), { message: /^.* is no backup: ENOENT/ })
  writeFileSync(join(empty, 'about'), 'format=2\nof=data\n')
  await t.rejects(restore({ from: empty, dataDir: folder }), { message: /of format 2, and .* knows 1$/ })
  writeFileSync(join(empty, 'about'), 'format=1\nof=database\n')
  await t.rejects(restore({ from: empty, dataDir: folder }), { message: /docker\/restore puts back$/ })

  mkdirSync(join(empty, 'postgres', 'data'), { recursive: true })
  writeFileSync(join(empty, 'about'), 'format=1\nof=data\n')
  await t.rejects(backUp(empty, backups), { message: /of `make cluster`: stop it, and copy the folder$/ })
  await t.rejects(restore({ from: empty, dataDir: empty }), {
    message: /of `make cluster`, which has no use/,
  })

  // As a process of an earlier version, which takes no requests.
  const lock = lockFolder(folder)
  t.teardown(() => lock.release())
  await t.rejects(backUp(folder, backups), { message: /takes no requests for backups: stop it first$/ })
  const other = lockFolder(backups)
  t.teardown(() => other.release())
  await t.rejects(backUp(folder, backups), { message: /in use by this process already$/ })
})
