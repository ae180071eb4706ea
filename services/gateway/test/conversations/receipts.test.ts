import { createManualClock } from '@rabble/clock/manual'
import type { PersonalEvent } from '@rabble/contract'
import type { ReceiptStates, ReceiptsQuery } from '@rabble/history/client'
import t, { type Test } from 'tap'
import { createReceipts } from '../../src/conversations/receipts.ts'
import type { Session } from '../../src/sessions/session.ts'

const common = { at: '2026-11-22T10:00:00.000Z', via: 'gateway-1' }
const reads = (user: string, n: number): PersonalEvent => ({
  ...{ type: 'read', id: `r-${user}-${n}`, room: 'general', user, upTo: `m${n}` },
  ...common,
})

/** A session in the room `general`, and the frames that it gets. */
function createSession(frames: unknown[], id = 'ada'): Session {
  const codec = { encodeEvents: ([frame]: Buffer[]) => frame }
  return {
    user: { id, name: id },
    rooms: new Set(['general']),
    closed: false,
    connection: { codec },
    push: (frame: Buffer) => void frames.push(JSON.parse(String(frame))),
    reply: (frame: object) => void frames.push(frame),
  } as unknown as Session
}

function start(t: Test) {
  const clock = createManualClock()
  const questions: ReceiptsQuery[] = []
  const history = { through: 0, down: false, upTo: new Map<string, string>(), large: false }
  const state = { allowed: true, offset: 0 }
  const receipts = createReceipts({
    history: {
      async receipts(asked): Promise<ReceiptStates> {
        questions.push(asked)
        if (history.down) throw new Error('down')
        const { large } = history
        return {
          through: [history.through],
          rooms: asked.rooms.map(({ room, users }) => ({
            room,
            version: history.through,
            large,
            receipts: large
              ? []
              : [...history.upTo]
                  .filter(([user]) => users?.includes(user) ?? true)
                  .map(([user, upTo]) => ({ user, upTo })),
          })),
          users: asked.users.map((user) => ({ user, version: 0, receipts: true, presence: true })),
        }
      },
    },
    hub: { sessionsOf: () => [] },
    memberships: { has: () => false },
    allowed: () => state.allowed,
    positions: () => [state.offset],
    partitions: 1,
    limit: 2,
    timeout: 5_000,
    clock,
  })
  t.teardown(() => receipts.close())
  /** Follows the room, once history answers. */
  async function follow(session: Session): Promise<unknown> {
    const asked = receipts.ask(session, session.user?.id ?? '', 'general', true)
    asked.catch(() => {})
    await clock.advance(100)
    return asked
  }
  return { clock, questions, history, state, receipts, follow }
}

t.test('a hundred users who read at once are one question and one frame', async (t) => {
  const { clock, questions, history, receipts, follow } = start(t)
  const frames: { type: string; receipts: unknown[] }[] = []
  const session = createSession(frames)
  await follow(session)
  await clock.advance(1_000)
  const before = questions.length
  for (let n = 0; n < 100; n++) {
    history.upTo.set(`user-${n}`, 'm2')
    receipts.take(reads(`user-${n}`, 1), 0, 1)
    receipts.take(reads(`user-${n}`, 2), 0, 2)
  }
  history.through = 2
  await clock.advance(1_000)
  t.equal(questions.length, before + 1)
  t.match(frames, [{ type: 'read', room: 'general', receipts: { length: 100 }, version: 2 }])
  t.notOk('removed' in (frames[0] ?? {}))
  // While they go on, there are two frames a second.
  for (let n = 0; n < 40; n++) {
    receipts.take(reads(`user-${n}`, 3), 0, 2)
    await clock.advance(50)
  }
  await clock.advance(1_000)
  t.ok(frames.length >= 4 && frames.length <= 6, `${frames.length} frames in two seconds`)
})

t.test('a position is told once history has stored it', async (t) => {
  const { clock, history, receipts, follow } = start(t)
  const frames: unknown[] = []
  await follow(createSession(frames))
  history.upTo.set('bob', 'm1')
  receipts.take(reads('bob', 1), 0, 7)
  await clock.advance(2_000)
  t.same(frames, [], 'history is behind')
  history.through = 7
  await clock.advance(600)
  t.match(frames, [{ type: 'read', receipts: [{ user: 'bob', upTo: 'm1' }] }])
  history.down = true
  history.upTo.set('bob', 'm2')
  receipts.take(reads('bob', 2), 0, 7)
  await clock.advance(3_000)
  t.equal(frames.length, 1)
  history.down = false
  await clock.advance(2_000)
  t.match(frames[1], { receipts: [{ user: 'bob', upTo: 'm2' }] }, 'after an outage')
})

t.test('a session that is out of the room, or has ended, is told nothing any more', async (t) => {
  const { clock, history, receipts, follow } = start(t)
  const frames: unknown[] = []
  const [out, gone] = [createSession(frames, 'eve'), createSession(frames, 'joe')]
  for (const session of [out, gone]) await follow(session)
  t.equal(receipts.followed, 2)
  out.rooms.delete('general')
  receipts.ended(gone)
  history.upTo.set('bob', 'm1')
  receipts.take(reads('bob', 1), 0, 0)
  await clock.advance(1_000)
  t.same(frames, [])
  t.equal(receipts.followed, 0)
})

t.test('a room that does not show read positions any more says so once', async (t) => {
  const { clock, history, state, receipts, follow } = start(t)
  const frames: unknown[] = []
  const session = createSession(frames)
  t.match(await follow(session), { shown: true })
  state.allowed = false
  history.upTo.set('bob', 'm1')
  for (let n = 0; n < 2; n++) {
    receipts.take(reads('bob', 1), 0, 0)
    await clock.advance(1_000)
  }
  t.match(frames, [{ type: 'receipts', room: 'general', shown: false, receipts: [] }])
  t.equal(frames.length, 1)
  t.match(await receipts.ask(session, 'ada', 'general', true), { shown: false })
})

t.test('requests without an answer are refused in time, and follow nothing', async (t) => {
  const { clock, history, state, receipts, follow } = start(t)
  const session = createSession([])
  state.offset = 3
  const refused = t.rejects(receipts.ask(session, 'ada', 'general', true), { code: 'unavailable' })
  await clock.advance(6_000)
  await refused
  t.equal(receipts.followed, 0)
  history.down = true
  const failed = t.rejects(receipts.ask(session, 'ada', 'general', true), { code: 'unavailable' })
  await clock.advance(10_000)
  await failed
  history.down = false
  history.through = 3
  for (const room of ['general', 'tea']) {
    const asked = receipts.ask(session, 'ada', room, true)
    await clock.advance(2_000)
    await asked
  }
  await t.rejects(receipts.ask(session, 'ada', 'coffee', true), { code: 'too-large' })
  await follow(session)
})
