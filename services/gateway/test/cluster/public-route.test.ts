import { connectChat, until } from '@rabble/harness'
import t from 'tap'
import { build } from '../build.ts'
import { createMemoryLog } from '../memory-log.ts'

t.test('a gateway without a public address sends nobody anywhere', async (t) => {
  const { http, ws } = await build(t)
  const answer = await fetch(`${http}/api/route`)
  t.equal(answer.status, 404)
  t.match(await answer.json(), { statusCode: 404, code: 'not-found' })
  const ada = await connectChat(t, ws)
  t.notOk('route' in (await ada.waitFor(({ type }) => type === 'welcome')))
})

t.test('any gateway tells where to connect, and says in welcome that it can', async (t) => {
  const log = createMemoryLog()
  t.teardown(() => log.close())
  const [one, two] = [
    await build(t, { log, publicUrl: 'wss://g1.example/ws' }),
    await build(t, { log, publicUrl: 'wss://g2.example/ws' }),
  ]
  const ada = await connectChat(t, one.ws)
  t.match(await ada.waitFor(({ type }) => type === 'welcome'), { route: true })
  await connectChat(t, one.ws)
  // A gateway learns of another one by its report, which may come after that one is ready.
  for (const user of [ada, await connectChat(t, two.ws)]) {
    const ready = async () =>
      (await user.request({ type: 'gateways' })).gateways.filter(({ state }) => state === 'ready').length
    await until(async () => (await ready()) === 2, 60_000, 'the gateways to know each other')
  }
  const answer = await fetch(`${one.http}/api/route`)
  t.equal(answer.headers.get('cache-control'), 'no-store')
  t.same(await answer.json(), { url: 'wss://g2.example/ws' }, 'it has more clients itself')
  const other = await fetch(`${two.http}/api/route?not=${encodeURIComponent('wss://g2.example/ws')}`)
  t.same(await other.json(), { url: 'wss://g1.example/ws' })
  t.equal((await fetch(`${one.http}/api/route?not=${'x'.repeat(300)}`)).status, 400)
})
