import { readSettings } from '@rabble/service'
import t from 'tap'
import { historyConfig, historySettings } from '../src/index.ts'

const configOf = (env: Record<string, string>) => historyConfig(readSettings(env, historySettings))

t.test('a webhook is configured only by a URL, and needs a secret', async (t) => {
  const url = 'https://bot.example/'
  t.same(configOf({}), {})
  t.throws(() => configOf({ RABBLE_WEBHOOK_URL: url }), { message: /needs RABBLE_WEBHOOK_SECRET/ })
  const secret = `whsec_${Buffer.from('a key of 24 bytes, so so').toString('base64')}`
  t.same(configOf({ RABBLE_WEBHOOK_SECRET: secret }), {})
  t.same(configOf({ RABBLE_WEBHOOK_URL: url, RABBLE_WEBHOOK_SECRET: secret }).webhook, {
    url,
    secret,
    events: new Set(['rooms']),
    start: 'newest',
  })
})
