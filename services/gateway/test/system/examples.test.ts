import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { MessageEvent } from '@rabble/contract'
import { eventId, noticeId } from '@rabble/contract/ids'
import {
  assertNothingLeft,
  connectChat,
  privateFolder,
  sharedRabbitMq,
  startProcess,
  startService,
} from '@rabble/harness'
import { createTokens } from '@rabble/service'
import { type Channel, connect } from 'amqplib'
import t from 'tap'
import { secret } from '../build.ts'

assertNothingLeft(t)

// Seen from services/gateway/dist/test/system.
const examples = fileURLToPath(new URL('../../../../../examples/', import.meta.url))

const broker = await sharedRabbitMq(t)
const env = { RABBLE_AMQP_URL: broker.url, RABBLE_SECRET: secret }
const gateway = await startService(t, 'gateway', env)
const token = await createTokens(secret).sign({ id: 'robot', name: 'Robot' }, 600, ['service'])
/** Address of a program that may only notify, as docs/operations.md gives it. */
const notifier = await broker.addUser({ configure: '^$', write: '^rabble[.]notify$', read: '^$' })
const ada = await connectChat(t, gateway.url, { name: 'Ada' })
await ada.join('general')

/** Runs an example twice, as its page says. Resolves to the output of the first run. */
async function run(command: string, ...args: string[]): Promise<string> {
  const env = {
    PATH: process.env.PATH,
    RABBLE_URL: gateway.url,
    RABBLE_AMQP_URL: notifier,
    RABBLE_TOKEN: token,
  }
  const options = { env, cwd: examples, timeout: 120_000 }
  const { stdout } = await promisify(execFile)(command, args, options)
  await promisify(execFile)(command, args, options)
  return stdout.trim()
}

/** Waits until Ada sees a message under a name. Everything that was sent before is there too. */
async function told(id: string): Promise<MessageEvent> {
  return (await ada.sees(id)) as MessageEvent
}

t.test('curl publishes over HTTP, in a room and from the system', async (t) => {
  const text = 'Say “curl”, it’s done'
  const said = await run('curl/publish.sh', 'rooms/general/messages', JSON.stringify({ text }), 'curl-1')
  const id = eventId('robot', 'general', 'curl-1')
  t.same(JSON.parse(said), { id })
  t.match(await told(id), { room: 'general', from: { name: 'Robot' }, text })
  await run('curl/publish.sh', 'notify', JSON.stringify({ room: 'general', text }), 'curl-2')
  t.match(await told(noticeId('robot', 'general', 'curl-2')), { from: { name: 'System' }, text })
  const refused = run('curl/publish.sh', 'notify', '{"room": "a:b", "text": "no"}')
  await t.rejects(refused, { code: 22, stdout: /bad-frame/ }, 'it fails if that is refused')
})

t.test('Node.js says something over HTTP', async (t) => {
  const id = eventId('robot', 'general', 'node-1')
  t.equal(await run(process.execPath, 'node/say.mjs', 'general', 'It’s done', 'node-1'), id)
  t.match(await told(id), { from: { name: 'Robot' }, text: 'It’s done' })
  await t.rejects(run(process.execPath, 'node/say.mjs', '*', 'no'), { code: 1, stderr: /forbidden/ })
})

t.test('Python says something over HTTP', async (t) => {
  const id = eventId('robot', 'general', 'python-0')
  const python = '/usr/bin/python3'
  t.equal(await run(python, 'python/say.py', 'general', 'It’s done', 'python-0'), id)
  t.match(await told(id), { from: { name: 'Robot' }, text: 'It’s done' })
  await t.rejects(run(python, 'python/say.py', '*', 'no'), { code: 1, stderr: /forbidden/ })
})

const notice = (text: string) => JSON.stringify({ room: 'general', message: text })

t.test('Node.js puts a notification into the queue', async (t) => {
  t.equal(await run(process.execPath, 'node/notify.mjs', notice('It’s done'), 'node-2'), 'node-2')
  t.match(await told(eventId('system', 'general', 'node-2')), { from: { name: 'System' }, text: 'It’s done' })
})

t.test('Python puts a notification into the queue', async (t) => {
  // Debian's Python, to which its package python3-pika belongs.
  t.equal(await run('/usr/bin/python3', 'python/notify.py', notice('It’s done'), 'python-1'), 'python-1')
  t.match(await told(eventId('system', 'general', 'python-1')), { text: 'It’s done' })
})

t.test('two copies of a worker remind once each time, with the rights that its steps give it', async (t) => {
  const steps = readFileSync(join(examples, '../docs/deployment.md'), 'utf8')
  const [, configure = '', write = '', read = ''] =
    /set_permissions worker '(.*?)' '(.*?)' '(.*?)'$/m.exec(steps) ?? []
  const url = await broker.addUser({ configure, write, read })
  const file = join(privateFolder(t, 'secrets'), 'worker_amqp_url')
  writeFileSync(file, `${url}\n`)
  const env = { RABBLE_AMQP_URL_FILE: file, ROOM: 'worker room', MINUTES: '0.01', TEXT: 'Time for a break' }
  await ada.join('worker room')
  const args = [join(examples, 'node/reminder.mjs')]
  const launch = { command: process.execPath, args, env, cwd: examples, isReady: async () => true }
  const workers = await Promise.all(['one', 'two'].map((name) => startProcess(t, { name, ...launch })))
  const reminders = () => ada.messages('worker room')
  await ada.waitFor(() => reminders().length >= 4, 120_000)
  for (const worker of workers) await worker.kill()
  const cids = reminders().map(({ cid }) => cid)
  t.equal(new Set(cids).size, cids.length)
  // Both copies name a reminder after its time, and nothing else.
  t.same(
    cids.filter((cid) => !/^reminder:worker room:\d+$/.test(cid ?? '')),
    [],
  )
  t.match(reminders()[0], { from: { name: 'System' }, text: 'Time for a break' })

  const attempt = async (work: (channel: Channel) => Promise<unknown>) => {
    const connection = await connect(url)
    const channel = await connection.createChannel()
    channel.on('error', () => {})
    return work(channel).finally(() => connection.close())
  }
  const refused = { code: 403 }
  await t.rejects(
    attempt((channel) => channel.consume('rabble.notify', () => {})),
    refused,
  )
  await t.rejects(
    attempt((channel) => channel.consume('rabble.log.0', () => {})),
    refused,
  )
  await t.rejects(
    attempt(async (channel) => {
      await channel.assertQueue('worker.answers', { exclusive: true })
      await channel.bindQueue('worker.answers', 'rabble.events', '')
    }),
    refused,
  )
  await t.resolves(
    attempt(async (channel) => {
      await channel.assertQueue('worker.answers', { exclusive: true })
      await channel.consume('worker.answers', () => {})
    }),
  )
})

t.test('what was run twice under one name was told once', async (t) => {
  // Sent through the queue, behind everything in it.
  await run(process.execPath, 'node/notify.mjs', notice('the last'), 'last')
  await told(eventId('system', 'general', 'last'))
  const cids = ada.messages('general').map(({ cid }) => cid)
  t.same(cids, ['curl-1', 'curl-2', 'node-1', 'python-0', 'node-2', 'python-1', 'last'])
})
