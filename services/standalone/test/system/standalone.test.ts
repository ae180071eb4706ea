import { execFile, spawn } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import {
  assertNothingLeft,
  checkOrder,
  connectChat,
  inForm,
  privateFolder,
  startService,
  until,
} from '@rabble/harness'
import t from 'tap'

assertNothingLeft(t)

/** Time (ms) that an answer, or a start, may take on a slow machine. */
const timeout = 120_000

async function history(url: string, room: string): Promise<{ id: string; text: string }[]> {
  const response = await fetch(`${url}/api/rooms/${room}/messages?limit=200`)
  const { messages } = (await response.json()) as { messages: { id: string; text: string }[] }
  return messages
}

// The very first start, in an empty folder and without settings.
const folder = privateFolder(t, 'standalone')
const env = { DATA_DIR: folder, LOG_LEVEL: 'warn', RABBLE_MESSAGE_BURST: '1000' }
const rabble = await startService(t, 'standalone', env)
const firstLines = rabble.logs().split('\n')
/** Token of Mona, signed with the secret of the first start. */
let token = ''

t.test('the very first start logs nothing above info', async (t) => {
  t.same(
    firstLines.filter((line) => /"level":"(warn|error|fatal)"/.test(line)),
    [],
  )
})

t.test('without a secret it makes one for itself, with which its operator can sign tokens', async (t) => {
  t.equal(statSync(join(folder, 'secret')).mode & 0o777, 0o600)
  const main = fileURLToPath(new URL('../../../../rooms/dist/src/token-main.js', import.meta.url))
  const print = (...args: string[]) =>
    promisify(execFile)(process.execPath, [main, ...args], { env: { PATH: process.env.PATH, ...env } })
  const { stdout } = await print('--user', 'mona', '--name', 'Mona', '--roles', 'moderator')
  token = stdout.trim()
  const mona = await connectChat(t, rabble.url, { token, timeout })
  t.strictSame(mona.user, { id: 'mona', name: 'Mona' })
  const refusal = async (...args: string[]) =>
    (await print(...args).catch((error: { stderr: string }) => error)).stderr
  t.match(await refusal('--user', 'a:b'), /USER must be an id/)
  t.match(await refusal('--user', 'mona', '--hours', '0'), /HOURS must be/)
})

t.test('the page comes with a policy that allows no inline code', async (t) => {
  const page = await fetch(`${rabble.url}/`)
  t.equal(page.status, 200)
  t.match(page.headers.get('content-security-policy'), /default-src 'none'; script-src 'self';/)
  t.equal(page.headers.get('cache-control'), 'no-cache')
  const html = await page.text()
  t.notMatch(html, /<script(?![^>]*\ssrc=)|\son[a-z]+=|style=/)
  const [, asset] = /src="\.(\/assets\/[^"]+\.js)"/.exec(html) ?? []
  const script = await fetch(`${rabble.url}${asset}`)
  t.match(script.headers.get('content-type'), /javascript/)
  t.match(script.headers.get('cache-control'), /immutable/, 'its name changes with its content')
  const manifest = await fetch(`${rabble.url}/manifest.webmanifest`)
  t.match(manifest.headers.get('content-type'), /^application\/manifest\+json/)
  const { icons } = (await manifest.json()) as { icons: { src: string; type: string }[] }
  for (const { src, type } of [...icons, { src: 'sw.js', type: 'javascript' }]) {
    const file = await fetch(`${rabble.url}/${src}`)
    t.equal(file.status, 200, src)
    t.ok(file.headers.get('content-type')?.includes(type), src)
    t.equal(file.headers.get('cache-control'), 'no-cache', src)
  }
  for (const path of ['/nowhere', '/assets/nothing.js', '/assets/', '/%2e%2e/package.json']) {
    t.match(await (await fetch(`${rabble.url}${path}`)).json(), { statusCode: 404, code: 'not-found' }, path)
  }
})

t.test('one process, no broker: messages survive kill -9 and a clean stop, in order', async (t) => {
  const acknowledged: string[] = []
  const saidAt: number[] = []
  const say = async (text: string) => {
    const ada = await connectChat(t, rabble.url, { name: 'Ada', timeout })
    const joined = await ada.join('general')
    for (let i = 0; i < 30; i++) {
      saidAt.push(Date.now())
      acknowledged.push((await ada.send('general', `${text} ${i}`)).id)
    }
    await ada.close()
    return joined
  }

  const reader = await connectChat(t, rabble.url, { token, timeout })
  await reader.join('general')
  t.equal((await say('first')).complete, true, 'a new room is known to be empty')
  const readUpTo = acknowledged[9] ?? ''
  await reader.request({ type: 'read', room: 'general', upTo: readUpTo })
  await rabble.kill()
  await rabble.restart()
  const first = [...acknowledged]
  // All of them, unless the machine took too long.
  const minuteAgo = Date.now() - 60_000
  const least = saidAt.filter((at) => at > minuteAgo).length
  const joined = await say('second')
  const seen = joined.events.map(({ id }) => id)
  t.ok(seen.length >= least, 'the gateway reads the last minute when it starts')
  t.same(seen, first.slice(first.length - seen.length))
  t.equal(await rabble.stop(), 0)
  await rabble.restart()

  let stored: { id: string; text: string }[] = []
  const all = async () => {
    stored = await history(rabble.url, 'general')
    return stored.length >= 60
  }
  await until(all, timeout, 'the whole history')
  const report = checkOrder({ history: stored.map(({ id }) => id), writer: acknowledged }, acknowledged)
  t.ok(report.ok, report.text)
  const headers = { authorization: `Bearer ${token}` }
  const list = await (await fetch(`${rabble.url}/api/conversations`, { headers })).json()
  t.match(list, { conversations: [{ room: 'general', unread: 50, readUpTo, count: 60 }] })
  const mona = await connectChat(t, rabble.url, { token, timeout })
  t.strictSame(mona.user, { id: 'mona', name: 'Mona' }, 'its secret is the same after a restart')
})

t.test('the first client of the README chats', async (t) => {
  // The path is seen from services/standalone/dist/test/system.
  const readme = readFileSync(new URL('../../../../../README.md', import.meta.url), 'utf8')
  const bob = await connectChat(t, rabble.url, { name: 'Bob', timeout })
  await bob.join('general')
  const [, script = ''] = /```js\n([\s\S]*?)```/.exec(readme) ?? []
  t.match(script, 'ws://127.0.0.1:8080/ws', 'it connects to where `make start` listens')
  const here = script.replace('ws://127.0.0.1:8080', rabble.url.replace('http', 'ws'))
  // Node.js 20 has the browser's WebSocket behind a flag. Later versions need no flag.
  const flag = process.allowedNodeEnvironmentFlags.has('--experimental-websocket')
  const robot = spawn(process.execPath, [
    ...(flag ? ['--experimental-websocket'] : []),
    '--input-type=module',
    '--eval',
    here,
  ])
  const ended = new Promise((resolve) => robot.once('close', resolve))
  t.teardown(() => {
    robot.kill()
    return ended
  })
  let output = ''
  let problems = ''
  robot.stdout.on('data', (data) => {
    output += data
  })
  robot.stderr.on('data', (data) => {
    problems += data
  })

  await bob.waitFor((frame) => frame.type === 'message' && frame.text === 'Hi!', timeout)
  await bob.send('general', 'Hello, Robot!')
  await until(() => output.includes('Bob: Hello, Robot!'), timeout, 'the robot to show the answer')
  t.equal(output, 'Robot: Hi!\nBob: Hello, Robot!\n')
  t.notMatch(problems, /Error/)
})

t.test('what is wrong with the environment is told by name and rule', async (t) => {
  const start = startService(
    t,
    'standalone',
    { DATA_DIR: '/dev/null/data', RABBLE_PARTITIONS: '0', RABBLE_SECRET: 'short' },
    { wait: 'live' },
  )
  await t.rejects(start, { message: /RABBLE_PARTITIONS must be >= 1, but is "0"\n\s+RABBLE_SECRET must/ })
  // The usual form leaves this to the tests of PGlite's folder.
  if (inForm(true, false)) return
  await t.rejects(startService(t, 'standalone', { DATA_DIR: '/dev/null/data' }, { wait: 'live' }), {
    message: /\/dev\/null\/data must be a folder/,
  })
})

t.test('it stops cleanly on SIGTERM while clients are connected, who are told', async (t) => {
  const ada = await connectChat(t, rabble.url, { name: 'Last', timeout })
  t.equal(await rabble.stop(), 0)
  t.match(await ada.closed, { code: 1001, reason: 'this gateway is stopping' })
})
