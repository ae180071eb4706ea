import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { assertNothingLeft, connectChat } from '@rabble/harness'
import t from 'tap'
import { hookSecret } from '../../before-publish/hook.ts'
import { build } from '../../build.ts'

assertNothingLeft(t)

// Seen from services/gateway/dist/test/system/before-publish.
const example = fileURLToPath(new URL('../../../../../../examples/node/word-filter.mjs', import.meta.url))

t.test('the word filter of the examples masks words, refuses links, and answers gateways only', async (t) => {
  const env = { PATH: process.env.PATH, RABBLE_BEFORE_PUBLISH_SECRET: hookSecret, PORT: '0' }
  const child = spawn(process.execPath, [example], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const [line] = await once(child.stdout, 'data')
  const url = `http://127.0.0.1:${/port (\d+)/.exec(String(line))?.[1]}/`
  const options = { url, timeout: 120_000, policy: 'refuse' } as const
  const { ws } = await build(t, { beforePublish: { ...options, secret: hookSecret } })
  const ada = await connectChat(t, ws, { name: 'Ada' })
  await ada.join('general')
  for (const text of ['hello', 'what the Heck']) await ada.sees((await ada.send('general', text)).id)
  t.same(
    ada.messages('general').map(({ text }) => text),
    ['hello', 'what the ****'],
  )
  const links = ada.send('general', 'see https://example.com')
  await t.rejects(links, { code: 'refused', message: /No links here/ })

  const other = await build(t, { beforePublish: { ...options, secret: `whsec_${'A'.repeat(32)}` } })
  const bob = await connectChat(t, other.ws, { name: 'Bob' })
  await bob.join('general')
  await t.rejects(bob.send('general', 'hello'), { code: 'unavailable' }, 'with another secret')
  child.kill('SIGTERM')
  t.same(await once(child, 'exit'), [0, null])
})
