import { systemClock } from '@rabble/clock'
import { Deferred } from '@rabble/clock/deferred'
import type { Test } from 'tap'
import type { LogObserver } from '../event-log.ts'
import { during, event, follow, type MakeFixture, offsetsGrow, twoSeconds } from './fixture.ts'

/** Polls for the effects of I/O, in real time. */
const { sleep } = systemClock

export function testReading(t: Test, makeFixture: MakeFixture): void {
  t.test('a reader starts at the first event, after an offset, or at events of some age', async (t) => {
    const { open, clock } = await makeFixture(t)
    const { monotonic } = clock ?? systemClock
    const log = await open()
    for (const id of ['1', '2', '3']) await log.publish(event(id))
    const first = follow(t, log, 'first')
    await first.seen(3)
    t.same(first.ids(), ['1', '2', '3'])

    const middle = first.batches[1]
    if (middle === undefined) throw new Error('no second batch')
    const after = follow(t, log, { after: middle.offset })
    await after.seen(1)
    t.same(after.ids(), ['3'])

    const whole = follow(t, log, { after: -1 })
    await whole.seen(3)
    t.same(whole.ids(), ['1', '2', '3'])

    const recent = follow(t, log, { age: 60_000 })
    await recent.seen(3)
    t.same(recent.ids(), ['1', '2', '3'])

    await twoSeconds(clock)
    const since = monotonic()
    await log.publish(event('4'))
    const latest = follow(t, log, { age: monotonic() - since })
    await latest.seen(1)
    t.same(latest.ids(), ['4'])
  })

  t.test('a reader that starts with what is next gets nothing older', async (t) => {
    const { open } = await makeFixture(t)
    const log = await open()
    await log.publish(event('old'))
    const reader = follow(t, log, 'next')
    // Only its own answer shows that the reader is attached.
    for (let i = 0; reader.lines.length === 0; i++) {
      await log.publish(event(`new-${i}`))
      await sleep(10)
    }
    t.notOk(reader.ids().includes('old'))
  })

  t.test('reading in pieces gives the same as reading at once', async (t) => {
    const { open } = await makeFixture(t)
    const log = await open()
    const total = 100
    await Promise.all(Array.from({ length: total / 2 }, (_, i) => log.publish(event(`${i}`))))
    const publishRest = async () => {
      for (let i = total / 2; i < total; i++) await log.publish(event(`${i}`))
    }
    let publishing: Promise<void> | undefined
    const ids: string[] = []
    let offset = -1
    let pieces = 0
    while (ids.length < total) {
      pieces++
      for await (const step of log.read(0, { after: offset }, AbortSignal.timeout(300_000))) {
        for (const batch of step) {
          ids.push(...batch.entries.map(({ event }) => event.id))
          offset = batch.offset
        }
        break
      }
      // Publishes only now: otherwise the first step might hold all of it.
      publishing ??= publishRest()
    }
    await publishing
    t.ok(pieces > 1, `${pieces} pieces`)
    t.same(
      ids,
      Array.from({ length: total }, (_, i) => `${i}`),
    )
  })

  t.test('lines that are no event are skipped and counted, and harm no others', async (t) => {
    const { open, inject, clock } = await makeFixture(t)
    const malformed: number[] = []
    const observer: LogObserver = { malformed: (partition) => malformed.push(partition) }
    const log = await open({ observer })
    await log.publish(event('1'))
    await inject('no json\n{"type":"message","room":"general","id":"x"}\n[]\nnull\n')
    await inject(`{"type":1,"room":"r","id":"x"}\n${JSON.stringify(event('2'))}\n\n{"type":"message","ro`)
    await during(clock, log.publish(event('3')))
    const reader = follow(t, log, 'first')
    await reader.seen(3)
    t.same(reader.ids(), ['1', '2', '3'])
    t.ok(offsetsGrow(reader.batches))
    t.same(malformed, [0, 0, 0, 0, 0, 0])
  })

  t.test('a reader ends when its signal aborts, while it waits and while it is busy', async (t) => {
    const { open } = await makeFixture(t)
    const log = await open()
    await log.publish(event('1'))
    const waiting = follow(t, log, 'first')
    await waiting.seen(1)
    await waiting.end()

    const stop = new AbortController()
    let steps = 0
    for await (const _ of log.read(0, 'first', stop.signal)) {
      steps++
      stop.abort()
    }
    t.equal(steps, 1)

    for await (const _ of log.read(0, 'first', AbortSignal.abort())) t.fail('aborted before it began')
  })

  t.test('a reader that collects gets all that comes meanwhile in one step', async (t) => {
    const { open, clock } = await makeFixture(t)
    const log = await open()
    let time = 3_600_000
    const reader = follow(t, log, 'first', 0, { collect: () => time })
    await log.publish(event('at once'))
    await reader.seen(1)
    for (const id of ['1', '2']) await log.publish(event(id))
    // Enough for a step: the reader doesn't wait any longer, and soon after this one.
    time = 50
    const large = 'x'.repeat(100_000)
    for (const id of ['3', '4', '5', '6', '7', '8']) await log.publish(event(id, 'general', large))
    await reader.seen(7)
    t.ok((reader.steps[1] ?? 0) >= 7, `steps of ${reader.steps}`)
    await log.publish(event('9'))
    await during(clock, reader.seen(10))
    t.same(reader.ids(), ['at once', '1', '2', '3', '4', '5', '6', '7', '8', '9'])

    const other = follow(t, log, 'first', 0, { collect: () => 3_600_000 })
    await other.seen(7)
    await other.end()
  })

  t.test('closing the log ends its readers', async (t) => {
    const { open } = await makeFixture(t)
    const log = await open()
    await log.publish(event('1'))
    const seen: string[] = []
    const ended = (async () => {
      for await (const step of log.read(0, 'first', new AbortController().signal)) {
        seen.push(...step.flatMap(({ entries }) => entries.map(({ event }) => event.id)))
        if (seen.length === 1) void log.close()
      }
    })()
    await ended
    t.same(seen, ['1'])
  })

  t.test('a slow reader holds up nobody, gets a bounded step, and misses nothing', async (t) => {
    const { open } = await makeFixture(t)
    const log = await open()
    // More than any window holds.
    const total = 120
    const text = 'x'.repeat(100_000)
    const released = new Deferred<void>()
    const slow: string[] = []
    let largest = 0
    const slowReading = (async () => {
      for await (const step of log.read(0, 'first', AbortSignal.timeout(300_000))) {
        slow.push(...step.flatMap(({ entries }) => entries.map(({ event }) => event.id)))
        largest = Math.max(
          largest,
          step.reduce((sum, { entries }) => sum + entries.length, 0),
        )
        if (slow.length >= total) break
        if (slow.length === 1) await released.promise
      }
    })()
    const quick = follow(t, log, 'first')
    await log.publish(event('0'))
    await quick.seen(1)
    // Waits for the first step: otherwise that might hold more.
    while (slow.length === 0) await sleep(5)
    await Promise.all(
      Array.from({ length: total - 1 }, (_, i) => log.publish(event(`${i + 1}`, 'general', text))),
    )
    await quick.seen(total)
    t.equal(slow.length, 1, 'the slow one is still at its first step')
    released.resolve()
    await slowReading
    t.same(slow, quick.ids())
    t.ok(largest * text.length <= 9_000_000, `${largest} events in a step`)
  })
}
