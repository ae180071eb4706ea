import { setTimeout as sleep } from 'node:timers/promises'
import { connectPostgres } from '@rabble/database'
import { longTimeouts } from '@rabble/database/testing'
import type { EventLog } from '@rabble/event-log'
import { sharedPostgres } from '@rabble/harness'
import { createMetrics, history } from '@rabble/history'
import { type HistoryClient, inProcess } from '@rabble/history/client'
import { createApp, createInternalTokens, createLogger, createTokens } from '@rabble/service'
import { Registry } from 'prom-client'
import type { Test } from 'tap'
import { secret } from './build.ts'

/** Starts a real history over an empty database of the shared PostgreSQL, which reads the log. Opening a PGlite would cost more. */
export async function buildHistory(t: Test, log: EventLog): Promise<HistoryClient> {
  const server = await sharedPostgres(t)
  const database = await connectPostgres(await server.createDatabase(), longTimeouts)
  const logger = createLogger('history', 'silent')
  const app = createApp({ logger })
  const metrics = createMetrics(new Registry())
  const internalTokens = createInternalTokens(secret)
  const tokens = createTokens(secret)
  const clocks = { compare: () => 0 }
  app.register(history({ log, database, tokens, internalTokens, clocks, metrics, logger }).plugin)
  await app.ready()
  t.teardown(async () => {
    await app.close()
    await database.close()
  })
  const client = inProcess(app, internalTokens)
  return {
    ...client,
    replay: (query, user) => retry(() => client.replay(query, user)),
    conversations: (user, options) => retry(() => client.conversations(user, options)),
    contacts: (user, users) => retry(() => client.contacts(user, users)),
  }
}

/** Asks again if history gives up, as it does after a few seconds. */
async function retry<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask()
    } catch (error) {
      if (attempt === 60) throw error
      await sleep(100)
    }
  }
}
