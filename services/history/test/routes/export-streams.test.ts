import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import { systemClock } from '@rabble/clock'
import { createManualClock } from '@rabble/clock/manual'
import { until } from '@rabble/harness'
import t from 'tap'
import { createExportStreams } from '../../src/routes/export-streams.ts'

const limits = { most: 10, maxOfEach: 2, timeout: 60_000, bytesPerSecond: 100_000 }

/** Yields chunks of 100 kB for as long as they are read. */
async function* endless(seen: { made: number; ended: boolean }): AsyncGenerator<string, void, undefined> {
  try {
    for (;;) {
      seen.made++
      yield 'x'.repeat(100_000)
    }
  } finally {
    seen.ended = true
  }
}

t.test('who reads nothing for long is cut off, and whose place it was is free', async (t) => {
  const clock = createManualClock()
  const streams = createExportStreams(clock, { ...limits, most: 1, timeout: 30_000 })
  const seen = { made: 0, ended: false }
  const stream = await streams.open(['ada'], endless(seen))
  const end = t.rejects(finished(stream), /too slowly/)
  stream.read(1)
  // The stream fills its buffer, and then waits.
  await until(() => stream.readableLength >= stream.readableHighWaterMark, 30_000, 'the buffer to be full')
  await clock.advance(29_999)
  t.notOk(stream.destroyed)
  await t.rejects(streams.open(['ada'], endless({ made: 0, ended: false })), {
    code: 'unavailable',
    retryAfter: 5_000,
  })
  await clock.advance(1)
  await end
  await until(() => seen.ended && stream.closed, 30_000, 'its end')
  t.ok(seen.made < 5, `${seen.made} chunks were made`)
  const next = await streams.open(['ada'], endless({ made: 0, ended: false }))
  next.destroy()
})

t.test('a reader that takes a little now and then is cut off once it is too slow in the mean', async (t) => {
  const clock = createManualClock()
  const streams = createExportStreams(clock, { ...limits, timeout: 30_000, bytesPerSecond: 10_000 })
  const stream = await streams.open(['ada'], endless({ made: 0, ended: false }))
  const failed = t.rejects(finished(stream), /too slowly/)
  let size = 0
  let seconds = 0
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length
    stream.pause()
  })
  // A chunk of 100 kB every 20 seconds: half of the required rate.
  for (; !stream.destroyed && seconds < 600; seconds += 20) {
    const before = size
    stream.resume()
    await until(() => stream.destroyed || size > before, 30_000, 'the next chunk')
    await clock.advance(20_000)
  }
  await failed
  t.ok(seconds >= 60, `after ${seconds} seconds, not as soon as it is late`)
  const fast = await streams.open(['ada'], endless({ made: 0, ended: false }))
  t.teardown(() => fast.destroy())
  for (let n = 0; n < 20; n++) {
    fast.resume()
    await once(fast, 'data')
    fast.pause()
    await clock.advance(9_000)
  }
  t.notOk(fast.destroyed)
})

t.test('neither one user nor one address can take the places of all', async (t) => {
  const streams = createExportStreams(systemClock, { ...limits, most: 4 })
  const open = async (...sharers: string[]) => {
    const stream = await streams.open(sharers, endless({ made: 0, ended: false }))
    t.teardown(() => stream.destroy())
    return stream
  }
  await open('address-1', 'user:eve')
  await open('address-2', 'user:eve')
  await t.rejects(open('address-3', 'user:eve'), { code: 'rate-limited' })
  await open('address-1', 'user:mallory')
  await t.rejects(open('address-1', 'user:trudy'), { code: 'rate-limited' })
  const adas = await open('address-4', 'user:ada')
  await t.rejects(open('address-5', 'user:bob'), { code: 'unavailable' })
  adas.destroy()
  await finished(adas).catch(() => {})
  await open('address-5', 'user:bob')
})

t.test('closing fails the streams that are open', async (t) => {
  const streams = createExportStreams(systemClock, { ...limits, most: 2 })
  const open = await Promise.all([1, 2].map(() => streams.open(['ada'], endless({ made: 0, ended: false }))))
  const ends = open.map((stream) => t.rejects(finished(stream), /is stopping/))
  streams.close()
  await Promise.all(ends)
})

t.test('a first chunk that fails is told before there is a stream, and takes no place', async (t) => {
  const streams = createExportStreams(systemClock, { ...limits, most: 1 })
  // biome-ignore lint/correctness/useYield: it fails before it has anything
  async function* failing(): AsyncGenerator<string, void, undefined> {
    throw new Error('no database')
  }
  await t.rejects(streams.open(['ada'], failing()), /no database/)
  await t.rejects(streams.open(['ada'], failing()), /no database/)
})
