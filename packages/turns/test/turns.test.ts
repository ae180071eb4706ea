import { setImmediate as turn } from 'node:timers/promises'
import { createManualClock } from '@rabble/clock/manual'
import t from 'tap'
import { createTurns, type TurnLimits } from '../src/turns.ts'

/** Creates turns, and records the jobs that have begun, with functions to end them. */
function build(limits: TurnLimits) {
  const turns = createTurns(limits)
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  return {
    begun,
    run: (what: string, names: readonly string[], signal?: AbortSignal) =>
      turns.run(
        names,
        async () => {
          begun.push(what)
          await new Promise<void>((resolve) => ends.set(what, resolve))
          return what
        },
        signal,
      ),
    async end(what: string) {
      ends.get(what)?.()
      await turn()
    },
  }
}

t.test('callers who wait are served in turn, however much one of them asked for', async (t) => {
  const { run, end, begun } = build({ active: 1 })
  const all = [
    ...['eve-1', 'eve-2', 'eve-3', 'eve-4'].map((what) => run(what, ['eve'])),
    run('ada-1', ['ada']),
    run('ada-2', ['ada']),
    run('bob-1', ['bob']),
  ]
  for (let n = 0; n < all.length; n++) await end(begun.at(-1) ?? '')
  t.strictSame(begun, ['eve-1', 'eve-2', 'ada-1', 'bob-1', 'eve-3', 'ada-2', 'eve-4'])
  t.equal((await Promise.all(all)).length, 7)
})

t.test('one caller never has more places than its share, and others find the rest', async (t) => {
  const { run, end, begun } = build({ active: 3, each: { active: 2 } })
  for (const what of ['eve-1', 'eve-2', 'eve-3']) void run(what, ['eve'])
  t.strictSame(begun, ['eve-1', 'eve-2'])
  void run('ada-1', ['ada'])
  await end('ada-1')
  t.strictSame(begun, ['eve-1', 'eve-2', 'ada-1'])
  await end('eve-1')
  t.strictSame(begun.slice(3), ['eve-3'])
})

t.test('each of several names counts, so neither another address nor another user helps', async (t) => {
  const { run, end, begun } = build({ active: 10, each: { active: 1 } })
  void run('eve here', ['address-1', 'user:eve'])
  void run('eve there', ['address-2', 'user:eve'])
  void run('mallory here', ['address-1', 'user:mallory'])
  void run('ada there', ['address-2', 'user:ada'])
  t.strictSame(begun, ['eve here', 'ada there'])
  // It waited for eve's place and for the address's: both are free when both jobs have ended.
  await end('eve here')
  t.strictSame(begun.slice(2), ['mallory here'])
  await end('ada there')
  t.strictSame(begun.slice(3), ['eve there'])
})

t.test('more than may wait are refused, with whose fault it is', async (t) => {
  const { run } = build({ active: 1, waiting: 2, each: { active: 1, waiting: 1 } })
  void run('eve-1', ['eve'])
  void run('eve-2', ['eve'])
  await t.rejects(run('eve-3', ['eve']), { name: 'NoPlaceError', own: true })
  void run('ada-1', ['ada'])
  await t.rejects(run('bob-1', ['bob']), { name: 'NoPlaceError', own: false })
})

t.test('work that fails gives its place back, and a wait that was given up takes none', async (t) => {
  const turns = createTurns({ active: 1, waiting: 1 })
  await t.rejects(
    turns.run(['ada'], () => Promise.reject(new Error('no'))),
    /no/,
  )
  let end: (() => void) | undefined
  const first = turns.run(['ada'], () => new Promise<void>((resolve) => (end = resolve)))
  const stop = new AbortController()
  const given = t.rejects(
    turns.run(['ada'], async () => t.fail('it was given up'), stop.signal),
    /too late/,
  )
  stop.abort(new Error('too late'))
  await given
  const next = turns.run(['ada'], async () => 'served')
  end?.()
  await first
  t.equal(await next, 'served')
})

t.test('after its work a caller rests for a multiple of what it took, and others go on', async (t) => {
  const clock = createManualClock()
  const turns = createTurns({ active: 1, each: { active: 1, rest: 3 } }, clock)
  const done: string[] = []
  const run = (name: string, took: number) =>
    turns.run([name], async () => {
      await clock.sleep(took)
      done.push(name)
    })
  void run('eve', 100)
  void run('eve', 1_000)
  void run('eve', 100)
  await clock.advance(100)
  void run('ada', 100)
  await clock.advance(299)
  t.strictSame(done, ['eve', 'ada'])
  // The second one begins 300 ms after the first, takes a second, and then rests for the maximum time.
  await clock.advance(1_001)
  t.strictSame(done, ['eve', 'ada', 'eve'])
  void run('ada', 100)
  await clock.advance(1_099)
  t.strictSame(done, ['eve', 'ada', 'eve', 'ada'])
  await clock.advance(1)
  t.strictSame(done.at(-1), 'eve')
})
