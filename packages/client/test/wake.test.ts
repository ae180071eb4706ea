import { until } from '@rabble/harness'
import t, { type Test } from 'tap'
import type { Chat } from '../src/index.ts'
import { enter, pretendBrowser, statesOf } from './build.ts'
import { type FakeGateway, message, nextAttempt, refusal, startFakeGateway } from './fake-gateway.ts'

/** Time limit (ms) of a gateway's answer when a chat wakes up. */
const quickly = 1_250

/** Opens a chat whose first connection fails silently once `die` was called. */
async function openChat(t: Test) {
  let isDead = false
  const gateway = await startFakeGateway(t, (frame, connection) =>
    isDead && frame.type === 'ping' && connection === gateway.connections[0] ? null : undefined,
  )
  const chat = gateway.connect()
  await chat.ready
  return {
    gateway,
    chat,
    die: () => {
      isDead = true
    },
  }
}

/** Waits for the ping that a chat sends when it wakes up, and lets the time limit of its answer pass. */
async function leaves(t: Test, gateway: FakeGateway, chat: Chat): Promise<void> {
  await until(() => gateway.frames('ping').length === 1, 30_000, 'the question')
  await gateway.clock.advance(quickly - 1)
  t.equal(chat.status, 'open')
  await gateway.clock.advance(1)
  t.match(chat.state, { status: 'waiting', reason: 'the server does not answer' })
  await nextAttempt(gateway, chat)
  await until(() => chat.status === 'open', 30_000, 'another connection')
}

for (const event of ['visibilitychange', 'pageshow', 'resume', 'online']) {
  t.test(`a connection that died unnoticed is left right after ${event}`, async (t) => {
    const browser = pretendBrowser(t)
    const { gateway, chat, die } = await openChat(t)
    die()
    browser.dispatch(event)
    await leaves(t, gateway, chat)
  })
}

t.test('a page that is hidden asks nothing, and a connection that lives is kept', async (t) => {
  const browser = pretendBrowser(t)
  const { gateway, chat } = await openChat(t)
  browser.visible = false
  browser.dispatch('visibilitychange')
  await chat.room('general').fetchMembers()
  t.same(gateway.frames('ping'), [])
  browser.visible = true
  browser.dispatch('visibilitychange')
  await until(() => gateway.frames('ping').length === 1, 30_000, 'the question')
  await chat.room('general').fetchMembers()
  await gateway.clock.advance(60_000)
  t.equal(chat.status, 'open')
  t.equal(gateway.attempts, 1)
})

t.test('what was on its way before the sleep is no sign of life', async (t) => {
  const browser = pretendBrowser(t)
  const { gateway, chat, die } = await openChat(t)
  const room = enter(chat, 'general')
  await room.join()
  die()
  browser.dispatch('resume')
  gateway.connections[0]?.send(message('general', 'm1'))
  await until(() => room.messages.length === 1, 30_000, 'the message')
  await leaves(t, gateway, chat)
})

t.test(
  'after a sleep of the machine, which only the wall clock tells, the gateway is asked at once',
  async (t) => {
    const { gateway, chat, die } = await openChat(t)
    die()
    gateway.clock.jump(600_000)
    await gateway.clock.advance(1_000)
    await leaves(t, gateway, chat)
  },
)

t.test('silence is noticed also while the wall clock is set back', async (t) => {
  t.intercept(Math, 'random', { value: () => 0.5 })
  let deaf = false
  const gateway = await startFakeGateway(t, (frame) =>
    deaf && frame.type === 'ping' && gateway.connections.length === 1 ? null : undefined,
  )
  const { clock } = gateway
  const chat = gateway.connect({ heartbeat: 800 })
  await chat.ready
  deaf = true
  clock.jump(-3_600_000)
  await clock.advance(900)
  await until(() => gateway.frames('ping').length === 1, 30_000, 'the question')
  await clock.advance(400)
  t.match(chat.state, { status: 'waiting', reason: 'the server does not answer' })
  await nextAttempt(gateway, chat)
  await until(() => chat.status === 'open', 30_000, 'another connection')
})

t.test('typing is told every few seconds also while the wall clock is set back', async (t) => {
  const { gateway, chat } = await openChat(t)
  const room = enter(chat, 'general')
  await room.join()
  room.keystroke()
  gateway.clock.jump(-3_600_000)
  await gateway.clock.advance(3_000)
  room.keystroke()
  await until(() => gateway.frames('typing').length === 2, 30_000, 'both notices')
})

for (const [what, wake] of Object.entries({
  'reconnect()': (chat: Chat) => chat.reconnect(),
  'the network': (_: Chat, browser: ReturnType<typeof pretendBrowser>) => browser.dispatch('online'),
})) {
  t.test(
    `an attempt that is not answered is given up at once for another one when ${what} asks`,
    async (t) => {
      const browser = pretendBrowser(t)
      const gateway = await startFakeGateway(t, (frame) =>
        frame.type === 'hello' && gateway.connections.length === 1 ? null : undefined,
      )
      const chat = gateway.connect()
      const states = statesOf(chat)
      await until(() => gateway.frames('hello').length === 1, 30_000, 'the first attempt')
      wake(chat, browser)
      await chat.ready
      t.same(states, ['open'])
      await until(() => gateway.connections[0]?.code !== undefined, 30_000, 'the end of the first one')
      t.equal(
        gateway.connections[0]?.code,
        1000,
        'a guest without a token frees the name that it may have got',
      )
    },
  )
}

t.test('who waits for the next attempt tries at once when the page is shown again', async (t) => {
  const browser = pretendBrowser(t)
  let isDown = true
  const gateway = await startFakeGateway(t, (frame) =>
    isDown && frame.type === 'hello' ? refusal(frame, 'unavailable', { retryAfter: 600_000 }) : undefined,
  )
  const chat = gateway.connect()
  await until(() => chat.status === 'waiting', 30_000, 'the refusal')
  isDown = false
  browser.dispatch('visibilitychange')
  await chat.ready
  t.equal(gateway.attempts, 2)
})
