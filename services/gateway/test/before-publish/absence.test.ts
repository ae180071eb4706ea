import { Deferred } from '@rabble/clock/deferred'
import { createManualClock } from '@rabble/clock/manual'
import type { MessageEvent } from '@rabble/contract'
import { defaultLimits } from '@rabble/contract'
import { connectChat, until } from '@rabble/harness'
import { createLogger } from '@rabble/service'
import { Registry } from 'prom-client'
import t, { type Test } from 'tap'
import { createBeforePublish } from '../../src/before-publish/before-publish.ts'
import { createMetrics } from '../../src/index.ts'
import { build } from '../build.ts'
import { passing } from '../time.ts'
import { type Answer, type Hook, startHook } from './hook.ts'

const room = 'general'

/** Starts a gateway with a hook, and a client in a room. Records the errors and warnings of the gateway's log. */
async function talk(t: Test, hook: Hook) {
  const clock = createManualClock()
  const logged: string[] = []
  const write = (line: string) => {
    logged.push((JSON.parse(line) as { msg: string }).msg)
  }
  const logger = createLogger('gateway', 'info', { write })
  const gateway = await build(t, { beforePublish: hook.options, clock, logger })
  const ada = await connectChat(t, gateway.ws, { name: 'Ada', timeout: 120_000 })
  await ada.join(room)
  return {
    clock,
    /** Sends a message. Resolves to the text that was published, or the code of the error. */
    async say(text: string): Promise<string> {
      try {
        const { id } = await ada.send(room, text)
        const event = await ada.sees(id)
        return 'text' in event ? event.text : event.type
      } catch (error) {
        return (error as { code: string }).code
      }
    },
    outcome: (outcome: string) => gateway.metric('rabble_gateway_before_publish_total', { outcome }),
    hookLog: () => logged.filter((line) => line.includes('before-publish')),
  }
}

for (const policy of ['allow', 'refuse'] as const) {
  const absent = (text: string) => (policy === 'allow' ? text : 'unavailable')

  t.test(`a hook that breaks all connections is left alone, and tried again (${policy})`, async (t) => {
    let dead = true
    const decide = (): Answer => {
      if (dead) throw new Error('no answer')
      return { action: 'change', text: 'checked' }
    }
    const hook = await startHook(t, decide, { policy })
    const { clock, say, outcome, hookLog } = await talk(t, hook)
    for (let n = 0; n < 8; n++) t.equal(await say(`${n}`), absent(`${n}`))
    t.same([await outcome('failed'), await outcome('skipped')], [5, 3])
    const asked = hook.questions.length
    await clock.advance(1_000)
    t.equal(await say('first trial'), absent('first trial'))
    t.equal(await say('in the next pause'), absent('in the next pause'))
    t.equal(hook.questions.length, asked + 1)
    dead = false
    await clock.advance(15_000)
    t.equal(await say('second trial'), 'checked')
    t.equal(await say('as before'), 'checked')
    t.match(hookLog(), [/does not answer: .*messages/, /answers again/])
    t.equal(hookLog().length, 2, 'an outage is two lines')
  })

  t.test(
    `a hook that never answers costs five messages their time limit, and no more (${policy})`,
    async (t) => {
      const hook = await startHook(t, () => new Promise(() => {}), { policy })
      const { clock, say, outcome } = await talk(t, hook)
      for (let n = 0; n < 5; n++) {
        const said = say(`${n}`)
        await until(() => hook.questions.length === n + 1, 60_000, 'the question')
        await clock.advance(1_000)
        t.equal(await said, absent(`${n}`))
      }
      t.equal(await say('without a wait'), absent('without a wait'))
      t.same([await outcome('timeout'), await outcome('skipped')], [5, 1])
    },
  )

  t.test(
    `an answer that breaks a rule counts as none, and the next one counts again (${policy})`,
    async (t) => {
      const change = (more: object) => ({ action: 'change', ...more })
      let deep: object = {}
      for (let n = 0; n < 40; n++) deep = { deep }
      const lies: Record<string, Answer> = {
        'a failure': { status: 500, body: '{"action":"allow"}' },
        'no such page': { status: 404 },
        'a redirect': { status: 307, headers: { location: '/elsewhere' } },
        'no JSON': { status: 200, body: 'allow' },
        nothing: { status: 200 },
        'a list': [],
        'no UTF-8': { status: 200, body: Buffer.from('{"action":"change","text":"\xff"}', 'latin1') },
        'a huge body': { status: 200, body: `{"action":"allow"${' '.repeat(1_000_000)}}` },
        'an unknown action': { action: 'toString' },
        'no text': change({ text: 1 }),
        'a text that is too long': change({ text: 'x'.repeat(4_001) }),
        'a text that shows nothing': change({ text: '\u200b' }),
        'a meta that is none': change({ meta: [] }),
        'a meta that is too deep': change({ meta: deep }),
        'a meta that is too large': change({ meta: { a: 'x'.repeat(17_000) } }),
      }
      const hook = await startHook(t, ({ text }) => lies[text] ?? change({ text: 'checked' }), { policy })
      const { say, outcome, hookLog } = await talk(t, hook)
      for (const lie of Object.keys(lies)) t.equal(await say(lie), absent(lie), lie)
      t.equal(await say('the truth'), 'checked')
      t.equal(await outcome('invalid'), Object.keys(lies).length)
      t.same(new Set(hook.paths), new Set(['/filter']), 'no redirect was followed')
      t.match(hookLog(), [/invalid answer/])
      t.equal(hookLog().length, 1, 'it is logged once')
    },
  )
}

t.test('a refusal counts whatever its reason is', async (t) => {
  const reasons = [undefined, 7, '', '\u200b', 'x'.repeat(600)]
  const hook = await startHook(t, ({ text }) => ({ action: 'refuse', reason: reasons[Number(text)] }))
  const gateway = await build(t, { beforePublish: hook.options })
  const ada = await connectChat(t, gateway.ws, { name: 'Ada' })
  await ada.join(room)
  const told = [...Array(4).fill('this message was refused'), 'x'.repeat(500)]
  for (const [n, message] of told.entries()) {
    const error = await ada.send(room, `${n}`).then(() => undefined, String)
    t.equal(error, `ReplyError: refused: ${message}`)
  }
})

t.test(
  'questions and messages that wait for one are bounded, and one address has half of the places',
  async (t) => {
    const clock = createManualClock()
    const answer = new Deferred<Answer>()
    const hook = await startHook(t, () => answer.promise, { policy: 'allow' })
    const metrics = createMetrics(new Registry())
    const logger = createLogger('gateway', 'silent')
    const checks = createBeforePublish({ ...hook.options, limits: defaultLimits, clock, metrics, logger })
    t.teardown(() => checks.close())
    const from = { id: 'ada', name: 'Ada' }
    const at = new Date(clock.now()).toISOString()
    let last = 0
    const ask = (address: string) => {
      const event: MessageEvent = { type: 'message', room, id: `${++last}`, from, text: 'hi', at, via: 'g' }
      return checks.check(event, { roles: [], sharers: [address] })
    }
    const flood = Array.from({ length: 1_032 }, () => ask('a'))
    await t.rejects(ask('a'), { code: 'unavailable', retryAfter: 1_000 }, 'its share is used up')
    const others = Array.from({ length: 32 }, (_, n) => ask(`b${n}`))
    await until(() => hook.questions.length === 64, 60_000, 'the questions')
    const more = Array.from({ length: 1_000 }, (_, n) => ask(`c${n}`))
    await t.rejects(ask('d'), { code: 'unavailable', retryAfter: 1_000 }, 'all places are taken')
    // The time limit ends the waiting and the questions. The policy decides on these.
    await passing(clock, 500, Promise.all([...flood, ...others, ...more]))
    t.ok(hook.questions.length < 64 + 5, 'what waited is not asked when the hook has not answered five times')
    answer.resolve({ action: 'allow' })
  },
)
