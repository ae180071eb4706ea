import { createManualClock } from '@rabble/clock/manual'
import { connectChat, until } from '@rabble/harness'
import t from 'tap'
import { build } from '../build.ts'
import { passing } from '../time.ts'

const minute = 60_000

t.test('a client is asked to come back on another connection before its own is too old', async (t) => {
  const clock = createManualClock()
  const { ws, metric } = await build(t, { clock, heartbeat: 600 * minute, maxConnectionAge: 10 * minute })
  const clients = await Promise.all(
    Array.from({ length: 20 }, (_, n) => connectChat(t, ws, { name: `user ${n}` })),
  )
  const asked = () => clients.filter(({ frames }) => frames.some(({ type }) => type === 'reconnect'))
  /** Lets time pass, and waits until all clients have got the frames of that time. */
  const wait = async (milliseconds: number) => {
    await clock.advance(milliseconds)
    await Promise.all(clients.map((client) => client.request({ type: 'ping' })))
  }
  await wait(3.5 * minute)
  t.equal(asked().length, 0, 'not in the first half of that time')
  for (let n = 0; n < 20 && asked().length === 0; n++) await wait(20_000)
  t.ok(asked().length > 0 && asked().length < 20, 'each at a time of its own')
  const [obedient] = asked()
  await obedient?.close()
  const left = () => metric('rabble_gateway_disconnections_total', { reason: 'reconnect' })
  await until(async () => (await left()) === 1, 60_000, 'the one to be gone')

  await clock.advance(7 * minute)
  const closed = await passing(clock, 1_000, Promise.all(clients.map(({ closed }) => closed)))
  const codes = closed.filter((_, n) => clients[n] !== obedient).map(({ code }) => code)
  t.same(new Set(codes), new Set([1012]), 'who doesn’t go is closed')
  t.equal(asked().length, 20, 'and was asked before')
})
