import { createManualClock } from '@rabble/clock/manual'
import { defaultLimits } from '@rabble/contract'
import t from 'tap'
import type { Connection } from '../../src/sessions/connection.ts'
import { Session } from '../../src/sessions/session.ts'
import { webSocketCodec } from '../../src/transports/websocket/framing.ts'

/** Creates a session, and the state that its connection reports. */
function build() {
  const state = { unsent: 0, taken: 0, closed: '' }
  const connection: Connection = {
    codec: webSocketCodec,
    get unsent() {
      return state.unsent
    },
    get taken() {
      return state.taken
    },
    unfinishedSince: undefined,
    write() {},
    pause() {},
    resume() {},
    ping() {},
    close: (_, message) => {
      state.closed = message
    },
    terminate() {},
    drained: async () => {},
  }
  const client = { id: 'a', transport: 'test', connection, cookie: undefined, address: '192.0.2.1' }
  const session = new Session(client, defaultLimits, { dirty() {}, ended() {} }, createManualClock())
  return { session, state, now: session.connectedAt }
}

t.test('who reads, however little, or has nothing to read, is not taken for stuck', async (t) => {
  const { session, state, now } = build()
  t.notOk(session.stuck(now + 100_000, 1000))
  for (let at = now + 100_000; at < now + 110_000; at += 500) {
    state.unsent = 5000
    state.taken++
    t.notOk(session.stuck(at, 1000))
  }
})

t.test('who takes nothing of what waits is stuck when the time is over', async (t) => {
  const { session, state, now } = build()
  session.stuck(now, 1000)
  state.unsent = 5000
  t.notOk(session.stuck(now + 1000, 1000))
  state.unsent = 6000
  t.ok(session.stuck(now + 1001, 1000))
  state.taken = 5000
  state.unsent = 1000
  t.notOk(session.stuck(now + 1001, 1000))
})

t.test(
  'a long replay, of which only the end is seen, gets its time for each of the bytes that may wait',
  async (t) => {
    const { session, state, now } = build()
    session.stuck(now, 1000)
    state.unsent = 10 * defaultLimits.unsentBytes
    t.notOk(session.stuck(now + 10_000, 1000))
    t.ok(session.stuck(now + 10_001, 1000))
  },
)

t.test(
  'a client may answer every ping, however many there were, and send some control frames itself',
  async (t) => {
    const { session, state } = build()
    for (let n = 0; n < 500; n++) session.ping()
    for (let n = 0; n < 500; n++) session.heardPong()
    for (let n = 0; n < 50; n++) session.heardPong()
    for (let n = 0; n < 50; n++) session.heardPing()
    t.equal(state.closed, '')
    session.heardPing()
    t.equal(state.closed, 'too many control frames')
  },
)
