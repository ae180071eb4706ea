import t from 'tap'
import { buildHistory } from '../build-history.ts'
import { createMemoryLog } from '../memory-log.ts'
import { comeAndGoForChanges, comeAndGoForMessages, missMany } from '../resuming.ts'

const log = createMemoryLog()
const sources = { log, history: await buildHistory(t, log) }
const long = { events: 2_000, readers: 8, rounds: 6 }

t.test('who missed 5,000 messages, 200 of them in memory, gets all of them once', (t) =>
  missMany(t, sources, 5_000, 200),
)

t.test('whoever leaves and comes back at random for long sees every message once', (t) =>
  comeAndGoForMessages(t, sources, long),
)

t.test('whoever leaves and comes back at random for long shows what who stayed shows', (t) =>
  comeAndGoForChanges(t, sources, { ...long, events: 800 }),
)
