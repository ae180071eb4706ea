import { createManualClock } from '@rabble/clock/manual'
import { createApp, createInternalTokens, createLogger, serviceOf, watchClocks } from '@rabble/service'
import { Registry } from 'prom-client'
import t, { type Test } from 'tap'
import { overHttp } from '../src/client.ts'

const secret = 'a secret that is long enough to be one'
const logger = createLogger('rooms-test', 'silent')
const now = Date.parse('2026-11-22T10:00:00.000Z')

/** Returns what a caller gets, and what its clock watch receives, if the service's clock is `ahead` milliseconds ahead. */
async function ask(t: Test, ahead: number) {
  const clock = createManualClock(now + ahead)
  const app = createApp({ logger, clock })
  const internalTokens = createInternalTokens(secret, { clock })
  app.get('/internal/policies', async ({ headers }) => {
    await serviceOf(headers.authorization, internalTokens)
    return { version: 7, reset: false, more: false, changes: [] }
  })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => app.close())
  const ours = createManualClock(now)
  const clocks = watchClocks({ registry: new Registry(), logger, clock: ours })
  const client = overHttp(url, createInternalTokens(secret, { clock: ours }), { clocks, clock: ours })
  const answer = await client.policies(7).then(
    ({ version }) => version,
    (error: Error) => error.message,
  )
  return { answer, note: clocks.note() }
}

t.test('a service whose clock differs by minutes answers, and the caller says so', async (t) => {
  t.strictSame(await ask(t, 0), { answer: 7, note: undefined })
  t.match(await ask(t, 120_000), {
    answer: 7,
    note: /^the clock of rooms is 120 s ahead: it says 2026-11-22T10:02/,
  })
  t.match(await ask(t, -120_000), {
    answer: 7,
    note: /^the clock of rooms is 119 s behind: it says 2026-11-22T09:58/,
  })
})

t.test('a service whose clock is an hour ahead refuses, and both clocks are named', async (t) => {
  const { answer, note } = await ask(t, 3_600_000)
  t.match(
    answer,
    /^rooms answered 401: .* ended at 2026-11-22T10:01:00.000Z, and the clock here says 2026-11-22T11:00/,
  )
  t.match(
    note,
    /^the clock of rooms is 3600 s ahead: it says 2026-11-22T11:00:00.000Z, ours says 2026-11-22T10:00/,
  )
})
