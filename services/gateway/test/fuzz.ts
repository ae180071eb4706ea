import { createManualClock } from '@rabble/clock/manual'
import { type KnownSignal, RabbleError, type ServerFrame } from '@rabble/contract'
import { parseLogEvent } from '@rabble/contract/parse'
import type { DoTask } from '@rabble/event-log'
import { type ChatClient, connectChat, createRandom, mutated } from '@rabble/harness'
import { createTokens } from '@rabble/service'
import { Registry } from 'prom-client'
import type { Test } from 'tap'
import { takeNotices } from '../src/external-publish/notify-consumer.ts'
import { createMetrics } from '../src/index.ts'
import { build, secret, type TestGateway } from './build.ts'
import { createFakeRooms } from './fake-rooms.ts'
import { createMemoryLog } from './memory-log.ts'

/** Number of lines that one gateway reads, and number of lines between two checks of its health. */
const ofGateway = 20_000
const ofBatch = 500

/**
 * Damages `lines` lines of the log, and fewer signals and notifications of the queue, and lets gateways read them. Valid events
 * behind them must arrive as if they weren't there, and clients must get only valid events.
 */
export async function surviveAll(t: Test, lines: number): Promise<void> {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`SEED=${seed}`)
  const random = createRandom(seed)
  for (let read = 0; read < lines; read += ofGateway) {
    await t.test(`lines from ${read} on`, (t) => survive(t, Math.min(ofGateway, lines - read), random))
  }
}

async function survive(t: Test, lines: number, random: () => number): Promise<void> {
  let malformed = 0
  let malformedSignals = 0
  const observer = { malformed: () => malformed++, malformedSignal: () => malformedSignals++ }
  const log = createMemoryLog(1, { observer })
  const clock = createManualClock()
  const rooms = createFakeRooms(log, createTokens(secret), clock)
  const gateway = await build(t, { log, rooms, clock })
  const notify = queueOf(gateway)
  const ada = await connectChat(t, gateway.ws, { name: 'Ada' })
  await ada.join('general')
  const numbers = numbersFrom(1)
  for (let read = 0; read < lines; read += ofBatch) {
    const batch = Array.from({ length: ofBatch }, () => mutated(lineOf(numbers(), random), random))
    log.inject(Buffer.concat(batch.flatMap((line) => [line, Buffer.from('\n')])))
    for (let n = 0; n < 20; n++)
      log.injectSignal(mutated(JSON.stringify(signalOf(numbers(), random)), random))
    for (let n = 0; n < 5; n++) await notify(mutated('{"room":"general","text":"hi","cid":"a"}', random))
    const { id } = await ada.send('general', 'is anybody there?')
    await ada.sees(id)
    // Collected presence is sent, and the gateway reports its state.
    await clock.advance(1_000)
    const { gateways, here } = await ada.request({ type: 'gateways' })
    if (!Number.isFinite(gateways.find(({ gateway }) => gateway === here)?.lag))
      t.fail('the lag is no number')
  }
  t.ok(malformed > lines / 10 && malformed < lines, `${malformed} of ${lines} lines are malformed`)
  t.ok(malformedSignals > 0, 'and some signals')
  t.equal(gateway.gateway.unready(), undefined)
  await checkWhatClientsGet(t, gateway, ada)
  // A million lines must not all stay in memory until the last one was read.
  for (const batches of log.kept) batches.length = 0
}

async function checkWhatClientsGet(t: Test, { ws, metric }: TestGateway, ada: ChatClient): Promise<void> {
  const odd = ada.frames.filter(isEvent).filter((frame) => parseLogEvent(JSON.stringify(frame)) === undefined)
  t.strictSame(odd.slice(0, 3), [], 'clients get events only')
  t.ok(Number.isFinite(await metric('rabble_gateway_log_lag_seconds')))
  const bob = await connectChat(t, ws, { name: 'Bob' })
  const { events } = await bob.join('general', { recent: 1000 })
  t.ok(events.length > 500, 'what is remembered can be read')
  t.match(await bob.request({ type: 'members', room: 'general' }), { type: 'members' })
}

function isEvent({ type }: ServerFrame): boolean {
  return type === 'message' || type === 'edit' || type === 'delete'
}

/** Returns the task that a gateway does for each notification of the queue. The task succeeds, or is refused with a reason. */
function queueOf({ gateway }: TestGateway): (body: Buffer) => Promise<void> {
  let work: DoTask | undefined
  const takeWork = (_: string, task: DoTask) => {
    work = task
    return { async close() {} }
  }
  takeNotices({ log: { takeWork }, gateway, metrics: createMetrics(new Registry()) })
  return async (body) => {
    try {
      await work?.({ body, messageId: undefined })
    } catch (error) {
      if (!(error instanceof RabbleError)) throw error
    }
  }
}

function numbersFrom(first: number): () => number {
  let next = first
  return () => next++
}

const ada = { id: 'ada', name: 'Ada' }
const at = '2026-11-22T10:00:00.000Z'

function lineOf(n: number, random: () => number): string {
  const fields = {
    room: random() < 0.7 ? 'general' : 'elsewhere',
    id: `m${n}`,
    from: ada,
    at,
    via: 'stranger',
  }
  const target = `m${n - Math.ceil(random() * 20)}`
  const what = random()
  if (what < 0.1) return JSON.stringify({ ...fields, type: 'of a later version', more: [{ a: 1 }] })
  if (what < 0.2) return JSON.stringify({ ...fields, type: 'delete', message: target, moderator: true })
  if (what < 0.23) return JSON.stringify({ ...fields, type: 'read', user: ada.id, upTo: target })
  if (what < 0.26) return JSON.stringify({ ...fields, type: 'privacy', user: ada.id, presence: false })
  if (what < 0.4) return JSON.stringify({ ...fields, type: 'edit', message: target, text: 'edited' })
  const more = what < 0.6 ? { cid: `c${n}`, replyTo: target, meta: { a: [1, { b: null }] } } : {}
  return JSON.stringify({ type: 'message', ...fields, text: 'said', ...more })
}

function signalOf(n: number, random: () => number): KnownSignal {
  const rates = { sessions: 1, messagesPerSecond: 0, deliveriesPerSecond: 0, lag: 1.5 }
  const signals: KnownSignal[] = [
    { type: 'typing', room: 'general', user: ada },
    { type: 'presence', room: 'general', joined: [ada], left: [], count: 2, version: n },
    { type: 'policy', version: n },
    { type: 'kick', id: `k${n}`, user: 'eve', room: 'general', message: 'go' },
    { type: 'gateway', gateway: `gateway-${n % 5}`, ...rates, state: 'ready' },
    {
      type: 'people',
      gateway: `gateway-${n % 5}`,
      users: [{ user: ada.id, state: 'away' }],
      asked: [ada.id],
    },
  ]
  return signals[Math.floor(random() * signals.length)] ?? { type: 'policy', version: n }
}
