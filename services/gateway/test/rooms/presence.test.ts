import { createManualClock } from '@rabble/clock/manual'
import type { PresenceSignal, ServerFrame, ServerFrames } from '@rabble/contract'
import { connectChat } from '@rabble/harness'
import t, { type Test } from 'tap'
import { buildWithRooms } from '../rooms-build.ts'
import { passing } from '../time.ts'

const room = 'general'

function isPresence(frame: ServerFrame): frame is ServerFrames['presence'] {
  return frame.type === 'presence'
}

function range(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, n) => first + n)
}

function person(id: string): { id: string; name: string } {
  return { id, name: id.toUpperCase() }
}

function presence(more: Partial<PresenceSignal>): PresenceSignal {
  return { type: 'presence', room, joined: [], left: [], count: 1, version: 1, ...more }
}

/** Enters Ada into a room of a gateway whose clock stands still. Resolves once she was told that she joined. */
async function enter(t: Test) {
  const clock = createManualClock()
  const { a } = await buildWithRooms(t, 1, { clock })
  const ada = await connectChat(t, a.ws, { name: 'Ada' })
  await ada.join(room)
  const came = ada.waitFor((frame) => isPresence(frame) && frame.joined.some(({ name }) => name === 'Ada'))
  await passing(clock, 50, came)
  await clock.advance(500)
  const before = ada.frames.length
  return {
    a,
    clock,
    ada,
    /** Sends signals and waits until they have arrived. */
    async signal(...signals: PresenceSignal[]) {
      for (const each of signals) a.log.signal(each)
      await ada.request({ type: 'ping' })
    },
    /** Returns the presence frames that she has got since. */
    async told() {
      await ada.request({ type: 'ping' })
      return ada.frames.slice(before).filter(isPresence)
    },
  }
}

t.test(
  'a thousand comings are told in a few frames, with a sample of names and the exact count',
  async (t) => {
    const { clock, signal, told } = await enter(t)
    const come = (first: number, count: number) =>
      signal(
        ...range(first, count).map((n) =>
          presence({ joined: [person(`u${n}`)], count: n + 1, version: 100 + n }),
        ),
      )
    await come(1, 50)
    t.same(await told(), [], 'they are collected')
    await clock.advance(50)
    await come(51, 450)
    await clock.advance(499)
    await come(501, 500)
    await clock.advance(1)
    t.same(
      (await told()).map(({ joined, count }) => [joined.length, count]),
      // A room of up to a hundred users isn't large.
      [
        [50, 51],
        [20, 1001],
      ],
    )
  },
)

t.test('the count of the highest version holds, in whatever order they come', async (t) => {
  const { clock, ada, signal, told } = await enter(t)
  const counts = new Map([
    [103, 3],
    [102, 99],
    [104, 4],
    [101, 77],
  ])
  await signal(
    ...[...counts].map(([version, count]) => presence({ joined: [person(`u${version}`)], count, version })),
  )
  await clock.advance(500)
  const frames = await told()
  t.same(
    frames.map(({ joined, count }) => [joined.map(({ id }) => id), count]),
    [[['u103', 'u102', 'u104', 'u101'], 4]],
  )
  t.match(await ada.join(room), { count: 4 })
})

t.test('who left and came back in between was never away', async (t) => {
  const { clock, signal, told } = await enter(t)
  await signal(
    presence({ left: [person('bob')], count: 1, version: 101 }),
    presence({ joined: [person('bob')], count: 2, version: 102 }),
    presence({ joined: [person('eve')], count: 3, version: 103 }),
    presence({ left: [person('eve')], count: 2, version: 104 }),
    presence({ joined: [person('cleo')], count: 3, version: 105 }),
  )
  await clock.advance(500)
  t.match(await told(), [{ joined: [{ id: 'cleo' }], left: [], count: 3 }])
})

t.test('what happens in rooms in which nobody is here is not remembered', async (t) => {
  const { a } = await buildWithRooms(t)
  const ada = await connectChat(t, a.ws, { name: 'Ada' })
  a.log.signal(presence({ count: 500, version: 500 }))
  await ada.request({ type: 'ping' })
  t.match(await ada.join(room), { count: 1 })
  t.equal(await a.metric('rabble_gateway_seats', { state: 'held' }), 1)
})
