import { execFile } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { connectPostgres } from '@rabble/database'
import {
  assertNothingLeft,
  connectChat,
  freePort,
  privateFolder,
  sharedRabbitMq,
  startPostgres,
  startService,
  until,
} from '@rabble/harness'
import { createTokens } from '@rabble/service'
import t from 'tap'

/*
 * docker/backup and docker/restore, with a `docker` that runs the commands for the container of PostgreSQL on this machine: as the
 * same users, and against the same kind of database as in docker-compose.yml.
 */

assertNothingLeft(t)

/** Time (ms) that an answer may take on a slow machine. */
const timeout = 120_000
const repository = fileURLToPath(new URL('../../../../../', import.meta.url))
const secret = 'a secret of the containers that is long enough'
const tokens = createTokens(secret)

const [postgres, broker] = await Promise.all([startPostgres(t), sharedRabbitMq(t)])
const server = await connectPostgres(postgres.url)
t.teardown(() => server.close())
await server.query("create role rabble login password 'of rabble'")
const createDatabase = () => server.query('create database rabble owner rabble')
await createDatabase()

const clone = privateFolder(t, 'clone')
const bin = join(clone, 'bin')
const calls = join(clone, 'calls')
cpSync(join(repository, 'docker'), join(clone, 'docker'), { recursive: true })
cpSync(join(repository, 'services/history/restored.sql'), join(clone, 'services/history/restored.sql'))
mkdirSync(bin)
writeFileSync(
  join(bin, 'docker'),
  `#!/bin/sh
echo "$*" >>'${calls}'
case "$1 $2 $3 $4 $5 $6" in
'compose --env-file .env ps '*) echo running ;;
'compose --env-file .env exec --no-TTY postgres') shift 6; exec "$@" ;;
esac
`,
)
chmodSync(join(bin, 'docker'), 0o755)
writeFileSync(
  join(clone, 'passwords'),
  `*:*:*:postgres:${new URL(postgres.url).password}\n*:*:*:rabble:of rabble\n`,
  { mode: 0o600 },
)
const settings = `RABBLE_SECRET=${secret}\nPOSTGRES_PASSWORD=of rabble\n`
writeFileSync(join(clone, '.env'), settings)

/** Runs a script, and returns its output and its status. */
async function run(
  script: 'backup' | 'restore',
  ...args: string[]
): Promise<{ code: number; output: string }> {
  writeFileSync(calls, '')
  const env = {
    PATH: `${bin}:${process.env.PATH}`,
    PGHOST: '127.0.0.1',
    PGPORT: String(postgres.port),
    PGPASSFILE: join(clone, 'passwords'),
  }
  try {
    const { stdout, stderr } = await promisify(execFile)(join(clone, 'docker', script), args, {
      env,
      cwd: clone,
    })
    return { code: 0, output: stdout + stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { code, output: stdout + stderr }
  }
}

/** Starts the services. Another prefix stands for a broker that has lost its data. */
async function start(prefix: string) {
  const [roomsPort, historyPort] = [await freePort(), await freePort()]
  const common = {
    RABBLE_AMQP_URL: broker.url,
    RABBLE_PREFIX: prefix,
    RABBLE_SECRET: secret,
    RABBLE_ROOMS_URL: `http://127.0.0.1:${roomsPort}`,
    LOG_LEVEL: 'warn',
  }
  const { RABBLE_ROOMS_URL: _, ...ofRooms } = common
  const database = { RABBLE_DATABASE_URL: `postgres://rabble:of%20rabble@127.0.0.1:${postgres.port}/rabble` }
  const [rooms, history, gateway] = await Promise.all([
    startService(t, 'rooms', { ...ofRooms, ...database, PORT: String(roomsPort) }),
    startService(t, 'history', { ...common, ...database, PORT: String(historyPort) }, { wait: 'live' }),
    startService(t, 'gateway', { ...common, RABBLE_HISTORY_URL: `http://127.0.0.1:${historyPort}` }),
  ])
  await history.ready()
  return {
    rooms,
    history,
    gateway,
    stop: () => Promise.all([gateway, history, rooms].map((service) => service.running && service.stop())),
  }
}

interface Page {
  messages: { text: string }[]
  gaps?: object[]
}

async function ask<Reply>(url: string, path: string, token?: string): Promise<Reply> {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const response = await fetch(`${url}/api/${path}`, { headers, signal: AbortSignal.timeout(timeout) })
  return (await response.json()) as Reply
}

const pageAt = (url: string) => ask<Page>(url, 'rooms/general/messages?limit=200')
const textsOf = ({ messages }: Page) => messages.map(({ text }) => text)
const countIn = async (database: string) => {
  const opened = await connectPostgres(new URL(`/${database}`, postgres.url).href)
  const [row] = await opened.query<{ count: number }>('select count(*) from history.messages', [])
  await opened.close()
  return row?.count
}

t.test('a dump of the running containers, and what the log adds to it', async (t) => {
  const first = await start('kept')
  const ada = await connectChat(t, first.gateway.url, { name: 'Ada', timeout })
  const bobToken = await tokens.sign({ id: 'bob', name: 'Bob' }, 3600)
  const bob = await connectChat(t, first.gateway.url, { token: bobToken, timeout })
  await bob.join('general')
  await ada.join('general')
  const ids: string[] = []
  for (const text of ['one', 'two', 'three']) ids.push((await ada.send('general', text)).id)
  const [, second = '', third = ''] = ids
  await bob.request({ type: 'read', room: 'general', upTo: second })
  const state = async (url: string) => {
    const { conversations } = await ask<{
      conversations: { room: string; unread: number; version: number }[]
    }>(url, 'conversations', bobToken)
    return conversations.find(({ room }) => room === 'general')
  }
  const unread = async (url: string) => (await state(url))?.unread
  await until(async () => (await unread(first.history.url)) === 1, timeout, 'the read position to be stored')

  const backups = join(clone, 'backups')
  const made = await run('backup')
  t.match(made, { code: 0, output: /^\.\/backups\/rabble-\S+: \d+ bytes of PostgreSQL, and the secrets\n$/ })
  const [name = '', ...others] = readdirSync(backups)
  t.same(others, [], 'nothing else is left')
  const from = join(backups, name)
  t.equal(statSync(from).mode & 0o777, 0o700)
  for (const file of readdirSync(from)) t.equal(statSync(join(from, file)).mode & 0o777, 0o600, file)
  t.equal(readFileSync(join(from, 'env'), 'utf8'), settings)
  t.match(readFileSync(join(from, 'about'), 'utf8'), /^format=1\nof=database\nat=\S+Z\nposition\.0=\d+\n$/)

  const { id: later } = await ada.send('general', 'later')
  await until(async () => textsOf(await pageAt(first.history.url)).length === 4, timeout, 'it to be stored')
  t.match(await run('restore', from), { code: 1, output: /has a database of Rabble. With --replace/ })
  t.match(await run('restore', from, '--replace'), { code: 1, output: /in use by \d+ connections: stop/ })
  t.match(readFileSync(calls, 'utf8'), /^compose --env-file .env stop gateway history rooms$/m)
  const { version = 0 } = (await state(first.history.url)) ?? {}
  await first.stop()

  await server.query('drop database rabble')
  await createDatabase()
  const restored = await run('restore', from)
  t.match(restored, { code: 0, output: /restored 3 messages\nstarts everything/ })
  t.notMatch(restored.output + made.output, secret)
  t.match(readFileSync(calls, 'utf8'), /^compose --env-file .env up --detach --wait$/m)
  await Promise.all([first.rooms.restart(), first.history.restart()])
  const brought = async () => textsOf(await pageAt(first.history.url)).length === 4
  await until(brought, timeout, 'the log to bring what the backup lacks')
  const page = await pageAt(first.history.url)
  t.same(textsOf(page), ['one', 'two', 'three', 'later'])
  t.same(page.gaps ?? [], [], 'nothing is missing')
  t.equal(await unread(first.history.url), 2)
  await first.stop()

  const damaged = join(clone, 'damaged')
  cpSync(from, damaged, { recursive: true })
  truncateSync(join(damaged, 'database.dump'), statSync(join(damaged, 'database.dump')).size >> 1)
  t.not((await run('restore', damaged, '--replace')).code, 0)
  t.equal(await countIn('rabble'), 4, 'a damaged backup replaces nothing')
  for (const round of ['once', 'again']) {
    t.match(
      await run('restore', from, '--replace'),
      { code: 0, output: /the old database as rabble_replaced/ },
      round,
    )
    t.equal(await countIn('rabble'), 3)
    if (round === 'once') t.equal(await countIn('rabble_replaced'), 4, 'the one before is kept')
  }

  // The broker has lost its data as well.
  const anew = await start('anew')
  await until(
    async () => (await pageAt(anew.history.url)).gaps !== undefined,
    timeout,
    'the gap to be recorded',
  )
  t.same(textsOf(await pageAt(anew.history.url)), ['one', 'two', 'three'])
  const known = await state(anew.history.url)
  t.equal(known?.unread, 1)
  t.ok((known?.version ?? 0) > version, 'clients take this state for newer than the one that they have')
  const again = await connectChat(t, anew.gateway.url, { name: 'Ada', timeout })
  t.same(again.user, ada.user)
  t.equal(
    (await again.join('general', { after: later })).complete,
    false,
    'a client that had seen more is told',
  )
  const bobAgain = await connectChat(t, anew.gateway.url, { token: bobToken, timeout })
  t.equal((await bobAgain.join('general', { after: third })).complete, false, 'and one that had not')
  const { id } = await again.send('general', 'goes on')
  await bobAgain.sees(id)
  await until(async () => textsOf(await pageAt(anew.history.url)).length === 4, timeout, 'history to go on')
  await anew.stop()
})

t.test('the scripts explain themselves, and refuse what they do not know', async (t) => {
  for (const script of ['backup', 'restore'] as const) {
    t.match(await run(script, '--help'), { code: 0, output: /^(Makes|Puts) a backup/ })
    t.match(await run(script, '--wrong'), { code: 2, output: /unknown: --wrong; see docker\// })
  }
  t.match(await run('backup', '--of', 'nothing'), { code: 2, output: /--of must be data or containers/ })
  t.match(await run('backup', '--to'), { code: 2, output: /--to needs a value/ })
  t.match(await run('backup', '--stack', 'rabble'), { code: 1, output: /no PostgreSQL of the stack rabble/ })
  t.match(await run('restore'), { code: 2, output: /which backup\?/ })
  t.match(await run('restore', bin), { code: 1, output: /is no backup: it has no file `about`/ })
  mkdirSync(join(clone, 'data', 'pglite'), { recursive: true })
  t.match(await run('backup'), { code: 2, output: /both are here, the containers and \.\/data/ })
})
