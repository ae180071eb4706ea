import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import {
  assertNothingLeft,
  connectChat,
  startBridge,
  startCluster,
  type TestContext,
  until,
} from '@rabble/harness'
import t from 'tap'
import { chatWith } from '../build.ts'

assertNothingLeft(t)

// Relative to packages/client/dist/test/system.
const repository = fileURLToPath(new URL('../../../../../', import.meta.url))
const { url, secret } = await startCluster(t, { gateways: 1, histories: 0, rooms: 0, nginx: false })
const bob = await connectChat(t, url, { name: 'Bob' })
await bob.join('general')

/** Runs an example. Returns its output so far, and its end. */
function run(t: TestContext, file: string, url: string) {
  const env = { PATH: process.env.PATH, RABBLE_URL: url }
  const child = spawn(process.execPath, [`${repository}examples/client/${file}`], { env, timeout: 500_000 })
  t.teardown(() => child.kill('SIGKILL'))
  let wrote = ''
  child.stdout.on('data', (text) => {
    wrote += text
  })
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  return { child, ended, wrote: () => wrote }
}

t.test('the quick start of the page says good morning and hears itself', async (t) => {
  const { wrote } = run(t, 'hello.mjs', url)
  await until(() => wrote() === 'Ada: Good morning\n', 60_000, 'the message')
  await until(() => bob.messages('general').length > 0, 30_000, 'Bob to hear it')
  t.match(bob.messages('general'), [{ from: { name: 'Ada' }, text: 'Good morning' }])
  const page = readFileSync(`${repository}docs/client.md`, 'utf8')
  t.ok(
    page.includes(readFileSync(`${repository}examples/client/hello.mjs`, 'utf8')),
    'the page shows this very file',
  )
})

t.test(
  'the routes of the Next.js example give its users tokens, and publish their orders once',
  async (t) => {
    process.env.RABBLE_SECRET = secret
    process.env.RABBLE_URL = url
    const route = (name: string) => import(`${repository}examples/nextjs/app/api/${name}/route.js`)
    const { GET } = (await route('token')) as { GET(request: Request): Promise<Response> }
    const { POST } = (await route('orders')) as { POST(request: Request): Promise<Response> }
    const ask = (cookie: string) => GET(new Request('http://127.0.0.1/api/token', { headers: { cookie } }))
    const order = (cookie: string, body: string) =>
      POST(new Request('http://127.0.0.1/api/orders', { method: 'POST', headers: { cookie }, body }))
    t.equal((await ask('session=unknown')).status, 401)
    const chat = chatWith(t, { url, getToken: async () => (await ask('theme=dark; session=ada')).text() })
    await chat.ready
    t.match(chat.user, { id: 'ada', name: 'Ada Lovelace' })

    const cake = JSON.stringify({ id: '1', item: 'a cake' })
    t.equal((await order('', cake)).status, 401)
    t.equal((await order('session=ada', '{}')).status, 400)
    for (let n = 0; n < 2; n++) t.equal((await order('session=ada', cake)).status, 201)
    await order('session=ada', JSON.stringify({ id: '2', item: 'tea' }))
    const orders = () => bob.messages('general').filter(({ from }) => from.name === 'Shop')
    await until(() => orders().some(({ text }) => text.endsWith('tea')), 60_000, 'Bob to hear of the orders')
    t.same(
      orders().map(({ text }) => text),
      ['Ada Lovelace has ordered a cake', 'Ada Lovelace has ordered tea'],
    )
  },
)

t.test('the bot answers, in order, and over a lost connection too', async (t) => {
  const bridge = await startBridge(t, url)
  const { child, ended, wrote } = run(t, 'echo.mjs', bridge.url)
  const timesIn = () => wrote().split('in general').length - 1
  await until(() => timesIn() === 1, 60_000, 'the bot to come in')
  const answers = () => bob.messages('general').filter(({ from, replyTo }) => from.name === 'Echo' && replyTo)
  for (const text of ['echo one', 'nothing', 'echo two']) await bob.send('general', text)
  await until(() => answers().length === 2, 60_000, 'the answers')
  bridge.cut()
  await bob.send('general', 'echo three')
  bridge.mend()
  await until(() => answers().length === 3, 60_000, 'the answer to what was said meanwhile')
  t.same(
    answers().map(({ text }) => text),
    ['one', 'two', 'three'],
  )
  t.equal(timesIn(), 2)
  child.kill('SIGTERM')
  t.equal(await ended, 0)
})
