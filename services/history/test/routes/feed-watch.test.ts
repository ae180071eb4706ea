import { createManualClock } from '@rabble/clock/manual'
import t from 'tap'
import { createFeedWatch } from '../../src/routes/feed-watch.ts'

/** Creates a watch over an end that the test sets, and counts the looks at it. */
function build() {
  const clock = createManualClock()
  const state: { end: string | Error; looks: number } = { end: '1', looks: 0 }
  const watch = createFeedWatch(
    async () => {
      state.looks++
      if (state.end instanceof Error) throw state.end
      return state.end
    },
    { clock },
  )
  const over: string[] = []
  return {
    clock,
    state,
    watch,
    over,
    wait(name: string, end: string, signal = new AbortController().signal) {
      void watch.beyond(end, 30_000, signal).then(() => over.push(name))
    },
  }
}

t.test('one look at the end wakes all who wait for another one', async (t) => {
  const { clock, state, over, wait } = build()
  wait('a', '1')
  wait('b', '1')
  await clock.advance(1_000)
  t.same(over, [])
  t.equal(state.looks, 4, 'one look for both')
  state.end = '2'
  wait('c', '2')
  await clock.advance(250)
  t.same(over, ['a', 'b'])
  await clock.advance(30_000)
  t.same(over, ['a', 'b', 'c'], 'after its time')
  const { looks } = state
  await clock.advance(10_000)
  t.equal(state.looks, looks, 'nobody waits')
  t.equal(clock.pending, 0)
})

t.test('a database that does not answer wakes nobody, until it answers', async (t) => {
  const { clock, state, over, wait } = build()
  state.end = new Error('down')
  wait('a', '1')
  await clock.advance(1_000)
  t.same(over, [])
  state.end = '2'
  await clock.advance(250)
  t.same(over, ['a'])
})

t.test('a client that has gone, and a server that stops, end the wait', async (t) => {
  const { clock, watch, over, wait } = build()
  const gone = new AbortController()
  wait('gone', '1', gone.signal)
  wait('other', '1')
  gone.abort()
  await clock.advance(0)
  t.same(over, ['gone'])
  watch.close()
  wait('late', '1')
  await clock.advance(0)
  t.same(over.sort(), ['gone', 'late', 'other'])
  t.equal(clock.pending, 0)
})
