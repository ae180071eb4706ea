import { setTimeout as sleep } from 'node:timers/promises'
import type { PresenceSignal, ServerFrame, ServerFrames } from '@rabble/contract'
import { connectChat } from '@rabble/harness'
import t from 'tap'
import { buildWithRooms } from './rooms-build.ts'

const room = 'general'

function isPresence(frame: ServerFrame): frame is ServerFrames['presence'] {
  return frame.type === 'presence'
}

/** Whether it tells that somebody of this name came. */
function tells(frame: ServerFrame, name: string): boolean {
  return isPresence(frame) && frame.joined.some((user) => user.name === name)
}

function person(id: string): { id: string; name: string } {
  return { id, name: id.toUpperCase() }
}

function signal(more: Partial<PresenceSignal>): PresenceSignal {
  return { type: 'presence', room, joined: [], left: [], count: 1, version: 1, ...more }
}

t.test(
  'a thousand comings are told in a few frames, with a sample of names and the exact count',
  async (t) => {
    const { a } = await buildWithRooms(t)
    const ada = await connectChat(t, a.ws, { name: 'Ada' })
    await ada.join(room)
    await ada.waitFor((frame) => tells(frame, 'Ada'))
    const before = ada.frames.length
    const began = performance.now()
    for (let n = 1; n <= 1000; n++) {
      if (n % 10 === 0) await sleep(5)
      a.log.signal(signal({ joined: [person(`u${n}`)], count: n + 1, version: 100 + n }))
    }
    await ada.waitFor((frame) => isPresence(frame) && frame.count === 1001)
    const told = ada.frames.slice(before).filter(isPresence)
    // Two a second, however long it took here, and one at each end.
    const most = 2 + (performance.now() - began) / 450
    t.ok(told.length <= most, `${told.length} frames, at most ${most}`)
    // How many had come when the first ones were told depends on the machine: up to a hundred the room isn't large.
    for (const { joined, count } of told) {
      t.ok(joined.length <= (count > 100 ? 20 : 100), `${joined.length} names of ${count}`)
    }
  },
)

t.test('the count of the highest version holds, in whatever order they come', async (t) => {
  const { a } = await buildWithRooms(t)
  const ada = await connectChat(t, a.ws, { name: 'Ada' })
  await ada.join(room)
  for (const [version, count] of [
    [103, 3],
    [102, 99],
    [104, 4],
    [101, 77],
  ]) {
    a.log.signal(signal({ joined: [person(`u${version}`)], count: count ?? 0, version: version ?? 0 }))
  }
  const names = new Set<string>()
  await ada.waitFor((frame) => {
    if (isPresence(frame)) for (const { id } of frame.joined) names.add(id)
    return names.has('u101') && isPresence(frame)
  })
  const frames = ada.frames.filter(isPresence)
  t.equal(frames.at(-1)?.count, 4)
  t.notOk(frames.some(({ count }) => count > 4))
  t.match(await ada.join(room), { count: 4 })
})

t.test('who left and came back in between was never away', async (t) => {
  const { a } = await buildWithRooms(t)
  const ada = await connectChat(t, a.ws, { name: 'Ada' })
  await ada.join(room)
  await ada.waitFor((frame) => tells(frame, 'Ada'))
  const before = ada.frames.length
  a.log.signal(signal({ left: [person('bob')], count: 1, version: 101 }))
  a.log.signal(signal({ joined: [person('bob')], count: 2, version: 102 }))
  a.log.signal(signal({ joined: [person('eve')], count: 3, version: 103 }))
  a.log.signal(signal({ left: [person('eve')], count: 2, version: 104 }))
  a.log.signal(signal({ joined: [person('cleo')], count: 3, version: 105 }))
  await ada.waitFor((frame) => isPresence(frame) && frame.joined.some(({ id }) => id === 'cleo'))
  const told = ada.frames.slice(before).filter(isPresence)
  t.same(
    told.flatMap(({ joined, left }) => [...joined, ...left].map(({ id }) => id)),
    ['cleo'],
  )
  t.equal(told.at(-1)?.count, 3)
})

t.test('what happens in rooms in which nobody is here is not remembered', async (t) => {
  const { a } = await buildWithRooms(t)
  const ada = await connectChat(t, a.ws, { name: 'Ada' })
  a.log.signal(signal({ count: 500, version: 500 }))
  await ada.request({ type: 'ping' })
  t.match(await ada.join(room), { count: 1 })
  t.equal(await a.metric('rabble_gateway_seats', { state: 'held' }), 1)
})
