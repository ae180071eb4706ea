import type { IncomingMessage } from 'node:http'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { connectChat, until } from '@rabble/harness'
import t from 'tap'
import { build } from '../../build.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

t.test('an open connection does not keep the request that began it in memory', async (t) => {
  const { ws, server } = await build(t)
  let request: WeakRef<IncomingMessage> | undefined
  server.once('upgrade', (one) => {
    request = new WeakRef(one)
  })
  const ada = await connectChat(t, ws, { name: 'Ada' })
  await ada.join('general')
  t.ok(request)
  const isGone = () => {
    collect()
    return request?.deref() === undefined
  }
  await until(isGone, 60_000, 'the request to be collected')
  t.match(await ada.request({ type: 'ping' }), { type: 'pong' })
})
