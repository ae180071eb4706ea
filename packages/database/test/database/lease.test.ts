import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Service, startPostgres, startService, until } from '@rabble/harness'
import t, { type Test } from 'tap'
import { connectPostgres, type Database, type Lease } from '../../src/index.ts'

const script = fileURLToPath(new URL('../fixtures/leader.js', import.meta.url))
// Uses real time, that of the server and of a frozen process: the server ends a session after 5 s without input.
/** Time limit (ms): three times what the architecture promises for a machine that does nothing else. */
const takeover = 30_000

const server = await startPostgres(t)
const url = await server.createDatabase()
const database = await connectPostgres(url, { connectTimeout: takeover, statementTimeout: takeover })
t.teardown(() => database.close())
await database.query('create table counters (n int); insert into counters values (0)')

/** Starts another process that has the lease, and a lock on a row. */
async function startLeader(t: Test): Promise<Service> {
  const leader = await startService(t, 'leader', { DATABASE_URL: url }, { script, wait: 'nothing' })
  await until(() => leader.logs().includes('it leads'), 60_000, 'the leader to lead')
  t.equal(await database.lease('leader'), undefined)
  return leader
}

/** Pause (ms) of all progress that a lease must survive. Its shortest own time limit is 3,000. */
const tooLong = 2_000

/** Returns a function for the longest time so far in which neither this process nor the server made progress. */
function watchPauses(t: Test): () => number {
  let [longest, last] = [0, performance.now()]
  const look = () => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    return now
  }
  let over = false
  t.teardown(() => {
    over = true
  })
  void (async () => {
    while (!over) {
      await database.query('select 1').catch(() => {})
      last = look()
      await sleep(50)
    }
  })()
  return () => {
    look()
    return longest
  }
}

async function take(from: Database): Promise<Lease> {
  const taken: Lease[] = []
  await until(
    async () => {
      const lease = await from.lease('leader')
      if (lease !== undefined) taken.push(lease)
      return lease !== undefined
    },
    takeover,
    'the lease',
  )
  return taken[0] as Lease
}

t.test('the lease and the locks of a process that was killed are free', async (t) => {
  const leader = await startLeader(t)
  await leader.kill()
  const lease = await take(database)
  await database.query('update counters set n = n + 1')
  await lease.release()
})

t.test(
  'so are those of a process that is frozen, which notices; who lives keeps its own, however little it does',
  async (t) => {
    const longestPause = watchPauses(t)
    /** Whether the lease was kept, or its holder was paused for so long that it could be lost. */
    const isKept = (lease: Lease | undefined) => lease?.ended.aborted === false || longestPause() > tooLong
    const idle = await database.lease('idle')
    const leader = await startLeader(t)
    leader.freeze()
    // Succeeds once the server has ended the session that sends nothing. The other session is older.
    const lease = await take(database)
    const another = await database.lease('idle')
    t.ok(isKept(idle))
    t.ok(another === undefined || longestPause() > tooLong)
    await Promise.all([idle?.release(), another?.release()])
    // Waits for the row, but not longer than the time limit of a statement.
    await database.query('update counters set n = n + 1')
    leader.thaw()
    await until(() => leader.logs().includes('lost it:'), 30_000, 'the old leader to notice')
    t.ok(isKept(lease))
    await lease.release()
  },
)

t.test('the death of the server ends it, and so does a server that is frozen', async (t) => {
  const first = await take(database)
  await server.kill()
  await until(() => first.ended.aborted, takeover, 'the end of the lease')
  await server.restart()
  const second = await take(database)
  server.freeze()
  t.teardown(server.thaw)
  await until(() => second.ended.aborted, takeover, 'the end of the lease')
  server.thaw()
  const third = await take(database)
  await third.release()
})
