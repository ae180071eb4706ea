import { createManualClock } from '@rabble/clock/manual'
import { connectChat, until } from '@rabble/harness'
import t from 'tap'
import { buildWithRooms } from '../rooms-build.ts'

t.test(
  'seats of users who come at once are asked for together, and nobody who comes alone waits',
  async (t) => {
    const clock = createManualClock()
    const { a, rooms } = await buildWithRooms(t, 1, { clock })
    const users = await Promise.all(
      Array.from({ length: 6 }, async (_, n) => ({
        token: await a.tokens.sign({ id: `user-${n}`, name: `User ${n}` }, 600),
      })),
    )
    const clients: Awaited<ReturnType<typeof connectChat>>[] = []
    for (const user of users) clients.push(await connectChat(t, a.ws, user))
    const joins: Promise<unknown>[] = []
    /** Lets the next users join. Resolves when their frames have arrived. */
    const join = async (count: number) => {
      for (const client of clients.slice(joins.length, joins.length + count))
        joins.push(client.join('general'))
      const arrived = async () =>
        (await a.metric('rabble_gateway_frames_received_total', { type: 'join' })) === joins.length
      await until(arrived, 60_000, 'the joins to arrive')
    }

    const answer = rooms.hold('seats')
    await join(1)
    await until(() => rooms.batches.length === 1, 60_000, 'the first call')
    await join(2)
    answer()
    await Promise.all(joins)
    t.strictSame(
      rooms.batches.map(({ take }) => take),
      [1, 2],
      'without any time that passed',
    )

    await join(3)
    await clock.advance(24)
    t.equal(rooms.batches.length, 2, 'after a call for several users the next one waits')
    await clock.advance(1)
    await Promise.all(joins)
    t.strictSame(
      rooms.batches.map(({ take }) => take),
      [1, 2, 3],
    )
  },
)

t.test(
  'names of guests who come at once are claimed together, and nobody who comes alone waits',
  async (t) => {
    const clock = createManualClock()
    const { a, rooms } = await buildWithRooms(t, 1, { clock })
    const calls: number[] = []
    const { names } = rooms
    rooms.names = (gateway, batch) => {
      calls.push(batch.claim.length)
      return names(gateway, batch)
    }
    const clients = await Promise.all(Array.from({ length: 7 }, () => connectChat(t, a.ws, { hello: false })))
    const hellos: Promise<unknown>[] = []
    /** Lets the next guests say hello. Resolves when their frames have arrived. */
    const hello = async (count: number) => {
      for (const client of clients.slice(hellos.length, hellos.length + count)) {
        hellos.push(client.request({ type: 'hello', name: `Guest ${hellos.length}` }))
      }
      const arrived = async () =>
        (await a.metric('rabble_gateway_frames_received_total', { type: 'hello' })) === hellos.length
      await until(arrived, 60_000, 'the hellos to arrive')
    }
    await hello(1)
    await Promise.all(hellos)
    const answer = rooms.hold('names')
    await hello(1)
    await until(() => calls.length === 2, 60_000, 'the second call')
    await hello(2)
    answer()
    await Promise.all(hellos)
    t.strictSame(calls, [1, 1, 2], 'without any time that passed')

    await hello(3)
    await clock.advance(24)
    t.equal(calls.length, 3, 'after a call for several guests the next one waits')
    await clock.advance(1)
    await Promise.all(hellos)
    t.strictSame(calls, [1, 1, 2, 3])
  },
)
