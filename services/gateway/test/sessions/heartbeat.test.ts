import { createManualClock } from '@rabble/clock/manual'
import { defaultLimits } from '@rabble/contract'
import t, { type Test } from 'tap'
import type { Connection } from '../../src/sessions/connection.ts'
import { startHeartbeat } from '../../src/sessions/heartbeat.ts'
import { Session } from '../../src/sessions/session.ts'
import { webSocketCodec } from '../../src/transports/websocket/framing.ts'

const heartbeat = 25_000

/** Creates a session of a client that answers nothing, and a record of the calls on it. */
function build(t: Test, unsent = 0) {
  const manual = createManualClock()
  /** Time (ms) for which the process stood still: no timer ran then. */
  let stood = 0
  const clock = { ...manual, monotonic: () => manual.monotonic() + stood }
  const done: string[] = []
  const connection: Connection = {
    codec: webSocketCodec,
    unsent,
    taken: 0,
    unfinishedSince: undefined,
    write() {},
    pause() {},
    resume() {},
    ping: () => done.push('asked'),
    close: (_, message) => done.push(message),
    terminate: () => done.push('given up'),
    drained: async () => {},
  }
  const client = { id: 'a', transport: 'test', connection, cookie: undefined, address: '192.0.2.1' }
  const session = new Session(client, defaultLimits, { dirty() {}, ended() {} }, clock)
  session.user = { id: 'ada', name: 'Ada' }
  const sessions = new Set([session])
  const lost = () => {
    sessions.delete(session)
    done.push('lost')
  }
  t.teardown(startHeartbeat(sessions, { helloTimeout: 10_000, heartbeat, clock }, lost))
  return {
    clock,
    session,
    done,
    standStill(milliseconds: number) {
      stood += milliseconds
    },
  }
}

t.test('who is silent is asked for a sign of life, and given up after two heartbeats', async (t) => {
  const { clock, session, done } = build(t)
  await clock.advance(heartbeat - 1)
  t.strictSame(done, [])
  await clock.advance(1)
  t.strictSame(done, ['asked'])
  session.heard()
  await clock.advance(2 * heartbeat)
  t.strictSame(new Set(done), new Set(['asked']))
  await clock.advance(1_000)
  t.strictSame(done.slice(-2), ['lost', 'given up'])
})

t.test('who says no hello in time is closed', async (t) => {
  const { clock, session, done } = build(t)
  session.user = undefined
  await clock.advance(10_000)
  t.strictSame(done, [])
  await clock.advance(1_000)
  t.strictSame(done, ['no hello in time'])
})

t.test('whom a gateway that stood still could not hear is asked before it is given up', async (t) => {
  const { clock, done, standStill } = build(t, 1)
  standStill(10 * heartbeat)
  await clock.advance(1_000)
  t.strictSame(done, ['asked'])
  // It was pinged again at each check.
  await clock.advance(heartbeat)
  t.strictSame(new Set(done), new Set(['asked']))
  await clock.advance(1_000)
  t.strictSame(done.slice(-2), ['lost', 'given up'])
})
