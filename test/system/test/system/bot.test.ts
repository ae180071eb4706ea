import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createServerClient } from '@rabble/client/server'
import type { MessageEvent } from '@rabble/contract'
import {
  assertNothingLeft,
  connectChat,
  dataFolder,
  inForm,
  noRateLimits,
  startCluster,
  startProcess,
  until,
} from '@rabble/harness'
import { createTokens } from '@rabble/service'
import t, { type Test } from 'tap'

assertNothingLeft(t)

// Seen from test/system/dist/test/system.
const repository = fileURLToPath(new URL('../../../../../', import.meta.url))
const recordingBot = fileURLToPath(new URL('../recording-bot.js', import.meta.url))

const cluster = await startCluster(t, {
  gateways: inForm(1, 2),
  histories: inForm(1, 2),
  env: { ...noRateLimits, RABBLE_PARTITIONS: '2', RABBLE_WORKER_MESSAGES_PER_SECOND: '100000' },
})
const sign = (id: string, roles: string[]) =>
  createTokens(cluster.secret).sign({ id, name: id }, 3_600, roles)
const token = await sign('bot', ['service'])
const rooms = ['red', 'green', 'blue', 'white']

/** Starts a program as a process that a test may kill. */
function start(t: Test, name: string, args: string[], env: Record<string, string> = {}) {
  return startProcess(t, {
    name,
    command: process.execPath,
    args,
    env,
    cwd: join(repository, 'examples/server'),
    isReady: async () => true,
  })
}

t.test(
  'a bot that is killed again and again, and history too, has each event once and in order',
  async (t) => {
    const file = join(dataFolder(t), 'events.txt')
    const writer = createServerClient({ url: cluster.url, token })
    const bot = await start(t, 'bot', [recordingBot, cluster.url, token, file])
    const recorded = () => {
      try {
        return readFileSync(file, 'utf8').trim().split('\n')
      } catch {
        return []
      }
    }
    const write = async (count: number) => {
      const texts = Array.from({ length: count }, (_, n) => n)
      await Promise.all(texts.map((n) => writer.publish(rooms[n % rooms.length] ?? '', `message ${n}`)))
    }
    const reaches = (count: number) =>
      until(() => recorded().length >= count, 120_000, `the bot to have ${count} events`)

    await write(100)
    await reaches(1)
    await bot.kill()
    await write(100)
    await Promise.all(cluster.histories.map((history) => history.kill()))
    await write(100)
    await bot.restart()
    await Promise.all(cluster.histories.map((history) => history.restart()))
    await reaches(150)
    await bot.kill()
    await bot.restart()
    // The other one goes on.
    const [doomed, other] = cluster.histories
    if (other !== undefined) await doomed?.kill()
    await write(100)
    await reaches(400)
    await bot.kill()

    const lines = recorded().map((line) => line.split(' '))
    t.equal(lines.length, 400)
    t.same([...new Set(lines.map(([, , , gap]) => gap))], ['complete'])
    for (const room of rooms) {
      const answer = await fetch(`${cluster.url}/api/rooms/${room}/messages?limit=1000`)
      const { messages } = (await answer.json()) as { messages: MessageEvent[] }
      t.same(
        lines.filter(([, where]) => where === room).map(([, , id]) => id),
        messages.map(({ id }) => id),
        room,
      )
    }
    if (other !== undefined) await doomed?.restart()
  },
)

t.test('the bot of the examples answers, and answers once what came while it was dead', async (t) => {
  const env = { RABBLE_URL: cluster.url, RABBLE_TOKEN: token, POSITION: join(dataFolder(t), 'position.txt') }
  const ada = await connectChat(t, cluster.url, { name: 'Ada' })
  await ada.join('general')
  const bot = await start(t, 'example', ['bot.mjs'], env)
  await until(() => bot.logs().includes('reading'), 60_000, 'the bot to read')
  await ada.send('general', 'echo one')
  const answers = () => ada.messages('general').flatMap(({ from, text }) => (from.id === 'bot' ? [text] : []))
  await until(() => answers().length === 1, 60_000, 'an answer')
  await bot.kill()
  await ada.send('general', 'echo two')
  await bot.restart()
  await until(() => answers().length === 2, 60_000, 'the second answer')
  await ada.send('general', 'echo three')
  await until(() => answers().length === 3, 60_000, 'the third answer')
  t.same(answers(), ['one', 'two', 'three'])
})

t.test('a back end notifies, moderates and deletes, through the proxy', async (t) => {
  const rabble = createServerClient({ url: cluster.url, token: await sign('mod', ['service', 'moderator']) })
  const eve = await connectChat(t, cluster.url, { name: 'Eve' })
  await eve.join('general')
  const { id } = await rabble.notify({ room: 'general' }, 'a notice')
  t.match(await eve.sees(id), { from: { id: 'system' }, text: 'a notice' })
  const sent = await eve.send('general', 'spam')
  const deletion = await rabble.deleteMessage('general', sent.id)
  t.match(await eve.sees(deletion.id), { type: 'delete', message: sent.id, moderator: true })
  t.same(await rabble.deleteMessage('general', sent.id), deletion, 'a repeat changes nothing')
  const plain = createServerClient({ url: cluster.url, token })
  const own = await eve.send('general', 'not yours')
  await t.rejects(plain.deleteMessage('general', own.id), { code: 'forbidden' })
  const user = eve.user?.id ?? ''
  const mute = await rabble.mute(user, { room: 'general', seconds: 60 })
  await until(
    () =>
      eve.send('general', 'more').then(
        () => false,
        ({ code }) => code === 'forbidden',
      ),
    60_000,
    'the mute to hold',
  )
  await rabble.unmute(mute.id)
  await rabble.kick(user, { reason: 'spam' })
  t.ok(await eve.closed)
})
