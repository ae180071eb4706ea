import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { partitionOf } from '../event-log.ts'
import { codeOf, event, follow, type MakeFixture, offsetsGrow } from './fixture.ts'

export function testPublishing(t: Test, makeFixture: MakeFixture): void {
  t.test(
    'each room has one order for all readers, under concurrent publishers of several logs',
    async (t) => {
      const { open } = await makeFixture(t)
      const logs = [await open(), await open(), await open()]
      const readers = logs.map((log) => follow(t, log, 'first'))
      const publishers = logs.flatMap((log, i) =>
        ['a', 'b', 'c'].map((room) => ({ log, room, name: `${i}${room}` })),
      )
      const each = 50
      await Promise.all(
        publishers.flatMap(({ log, room, name }) =>
          Array.from({ length: each }, (_, i) => log.publish(event(`${name}-${i}`, room))),
        ),
      )
      await Promise.all(readers.map((reader) => reader.seen(publishers.length * each)))
      const [first, ...others] = readers.map((reader) => reader.ids())
      t.same(others, [first, first], 'the same events in the same order')
      t.same(
        publishers.map(({ name }) => first?.filter((id) => id.startsWith(`${name}-`))),
        publishers.map(({ name }) => Array.from({ length: each }, (_, i) => `${name}-${i}`)),
        'each once, in the order of publishing',
      )
    },
  )

  t.test('an event comes back byte for byte, with its fields, whatever its type', async (t) => {
    const { open } = await makeFixture(t)
    const log = await open()
    const reader = follow(t, log, 'first')
    const odd = {
      ...event('1'),
      type: 'of-version-2',
      text: 'línea\n\u2028 \ud83d\ude00 \u0000 "',
      more: { a: [1, null] },
    }
    await log.publish(odd)
    await reader.seen(1)
    t.equal(reader.lines[0], JSON.stringify(odd))
    t.same(reader.batches[0]?.entries[0]?.event, odd)
  })

  t.test(
    'a traced event comes with its trace, alone or among others, and its line has nothing of it',
    async (t) => {
      const { open } = await makeFixture(t)
      const log = await open()
      const reader = follow(t, log, 'first')
      const trace = (n: number) => `00-${'a'.repeat(32)}-${String(n).padStart(16, '0')}-01`
      await log.publish(event('first'))
      await reader.seen(1)
      await log.publish(event('alone'), trace(1))
      await Promise.all(
        Array.from({ length: 20 }, (_, n) => log.publish(event(`${n}`), n % 7 === 3 ? trace(n) : undefined)),
      )
      await reader.seen(22)
      const entries = reader.batches.flatMap(({ entries }) => entries)
      t.same(
        entries.flatMap(({ event, traceparent }) =>
          traceparent === undefined ? [] : [[event.id, traceparent]],
        ),
        [['alone', trace(1)], ...[3, 10, 17].map((n) => [`${n}`, trace(n)])],
      )
      t.notOk(reader.lines.some((line) => line.includes('aaaa')))
    },
  )

  t.test('a quiet log sends each event alone, a busy one sends them together', async (t) => {
    const { open } = await makeFixture(t)
    const log = await open()
    const reader = follow(t, log, 'first')
    for (let i = 0; i < 3; i++) await log.publish(event(`quiet-${i}`))
    await reader.seen(3)
    t.equal(reader.batches.length, 3)
    await Promise.all(Array.from({ length: 1500 }, (_, i) => log.publish(event(`busy-${i}`))))
    await reader.seen(1503)
    // The first event is alone, unless the last quiet one came back before it was confirmed.
    const sizes = reader.batches.slice(3).map(({ entries }) => entries.length)
    t.equal(
      sizes.reduce((sum, size) => sum + size, 0),
      1500,
    )
    t.ok(sizes.length <= 3 && Math.max(...sizes) === 1000, `${sizes}`)
    t.ok(offsetsGrow(reader.batches))
    t.match(log.status(), { connected: true, waiting: 0, waitingBytes: 0 })
  })

  t.test('past the bound of events a publish fails at once, and what waits is not lost', async (t) => {
    const fixture = await makeFixture(t)
    const refused: unknown[] = []
    const observer = { refused: (events: number, reason: string) => refused.push([events, reason]) }
    const log = await fixture.open({ limits: { maxWaiting: 10 }, observer })
    await log.publish(event('before'))
    fixture.freeze()
    const waiting = Array.from({ length: 10 }, (_, i) => log.publish(event(`${i}`)))
    t.equal(await codeOf(log.publish(event('too many'))), 'unavailable')
    t.same(refused, [[1, 'full']])
    t.equal(log.status().waiting, 10)
    fixture.thaw()
    await Promise.all(waiting)
    t.equal(log.status().waiting, 0)
    await log.publish(event('after'))
    const reader = follow(t, log, 'first')
    await reader.seen(12)
    t.same(
      new Set(reader.ids()),
      new Set(['before', ...Array.from({ length: 10 }, (_, i) => `${i}`), 'after']),
    )
  })

  t.test('past the bound of bytes a publish fails at once', async (t) => {
    const fixture = await makeFixture(t)
    const log = await fixture.open({ limits: { maxWaitingBytes: 5000 } })
    await log.publish(event('before'))
    fixture.freeze()
    const waiting = log.publish(event('1', 'general', 'x'.repeat(4500)))
    t.equal(await codeOf(log.publish(event('2', 'general', 'x'.repeat(450)))), 'unavailable')
    const small = log.publish(event('3'))
    fixture.thaw()
    await Promise.all([waiting, small])
    t.equal(log.status().waitingBytes, 0)
  })

  t.test('what can not be confirmed in time fails, and the log goes on once it can again', async (t) => {
    const fixture = await makeFixture(t)
    const refused: unknown[] = []
    const observer = { refused: (events: number, reason: string) => refused.push([events, reason]) }
    const log = await fixture.open({ limits: { publishTimeout: 300 }, observer })
    for (let ready = false; !ready; ) ready = (await codeOf(log.publish(event('before')))) === undefined
    refused.length = 0
    fixture.freeze()
    const codes = [codeOf(log.publish(event('in flight')))]
    // A log may send some milliseconds later what goes out together. This timer is behind that one.
    await sleep(20)
    for (const id of ['waits', 'waits too']) codes.push(codeOf(log.publish(event(id))))
    await fixture.clock?.advance(300)
    t.same(await Promise.all(codes), ['unavailable', 'unavailable', 'unavailable'])
    t.same(
      refused.reduce<number>((sum, entry) => sum + (entry as [number])[0], 0),
      3,
    )
    t.match(log.status(), { waiting: 0, waitingBytes: 0 })
    fixture.thaw()
    for (let back = false; !back; ) back = (await codeOf(log.publish(event('after')))) === undefined
    const reader = follow(t, log, 'first')
    const ids = new Set<string>()
    for (let seen = 1; !ids.has('after'); seen++) {
      await reader.seen(seen)
      for (const id of reader.ids()) ids.add(id)
    }
    t.notOk(ids.has('waits'), 'what was given up before it was sent is not sent later')
  })

  t.test('close waits for what was published, then refuses', async (t) => {
    const { open } = await makeFixture(t)
    const log = await open()
    const reading = follow(t, await open(), 'first')
    const published = Array.from({ length: 100 }, (_, i) => log.publish(event(`${i}`)))
    const closed = log.close()
    t.equal(await codeOf(log.publish(event('late'))), 'unavailable')
    await Promise.all([...published, closed])
    const again = follow(t, await open(), 'first')
    await again.seen(100)
    t.equal(again.lines.length, 100)
    await reading.end()
  })

  t.test('partitions have their own order and offsets, and a room stays in one', async (t) => {
    const { open } = await makeFixture(t)
    const log = await open({ partitions: 3 })
    t.equal(log.partitions, 3)
    const readers = [0, 1, 2].map((partition) => follow(t, log, 'first', partition))
    const rooms = Array.from({ length: 30 }, (_, i) => `room ${i}`)
    await Promise.all(rooms.flatMap((room) => [1, 2].map((i) => log.publish(event(`${room}/${i}`, room)))))
    for (const [partition, reader] of readers.entries()) {
      const own = rooms.filter((room) => partitionOf(room, 3) === partition)
      await reader.seen(2 * own.length)
      t.same(reader.ids().sort(), own.flatMap((room) => [`${room}/1`, `${room}/2`]).sort())
      t.ok(offsetsGrow(reader.batches))
    }
    t.throws(() => log.read(3, 'first', new AbortController().signal), RangeError)
  })
}
