import { connectChat } from '@rabble/harness'
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
  const answer = await fetch(`${one.http}/api/route`)
  t.equal(answer.headers.get('cache-control'), 'no-store')
  t.same(await answer.json(), { url: 'wss://g2.example/ws' }, 'it has a client itself')
  const other = await fetch(`${two.http}/api/route?not=${encodeURIComponent('wss://g2.example/ws')}`)
  t.same(await other.json(), { url: 'wss://g1.example/ws' })
  t.equal((await fetch(`${one.http}/api/route?not=${'x'.repeat(300)}`)).status, 400)
})
