import { finished } from 'node:stream/promises'
import { systemClock } from '@rabble/clock'
import { createManualClock } from '@rabble/clock/manual'
import { until } from '@rabble/harness'
import t from 'tap'
import { createExportStreams } from '../src/export-streams.ts'

/** As many chunks of 100 kB as somebody reads. */
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
  const streams = createExportStreams(clock, { most: 1, mostOfCaller: 1, patience: 30_000 })
  const seen = { made: 0, ended: false }
  const stream = await streams.open('ada', endless(seen))
  const end = t.rejects(finished(stream), /nobody reads/)
  stream.read(1)
  // It fills its buffer, and waits from then on.
  await until(() => stream.readableLength >= stream.readableHighWaterMark, 30_000, 'the buffer to be full')
  await clock.advance(29_999)
  t.notOk(stream.destroyed)
  await t.rejects(streams.open('ada', endless({ made: 0, ended: false })), {
    code: 'unavailable',
    retryAfter: 5_000,
  })
  await clock.advance(1)
  await end
  await until(() => seen.ended && stream.closed, 30_000, 'its end')
  t.ok(seen.made < 5, `${seen.made} chunks were made`)
  const next = await streams.open('ada', endless({ made: 0, ended: false }))
  next.destroy()
})

t.test('one caller can’t take the places of all', async (t) => {
  const streams = createExportStreams(systemClock, { most: 3, mostOfCaller: 2, patience: 60_000 })
  const open = async (caller: string) => {
    const stream = await streams.open(caller, endless({ made: 0, ended: false }))
    t.teardown(() => stream.destroy())
    return stream
  }
  await open('eve')
  await open('eve')
  await t.rejects(open('eve'), { code: 'unavailable' })
  const adas = await open('ada')
  await t.rejects(open('bob'), { code: 'unavailable' })
  adas.destroy()
  await finished(adas).catch(() => {})
  await open('bob')
})

t.test('closing fails the streams that are open', async (t) => {
  const streams = createExportStreams(systemClock, { most: 2, mostOfCaller: 2, patience: 60_000 })
  const open = await Promise.all([1, 2].map(() => streams.open('ada', endless({ made: 0, ended: false }))))
  const ends = open.map((stream) => t.rejects(finished(stream), /is stopping/))
  streams.close()
  await Promise.all(ends)
})

t.test('a first chunk that fails is told before there is a stream, and takes no place', async (t) => {
  const streams = createExportStreams(systemClock, { most: 1, mostOfCaller: 1, patience: 60_000 })
  // biome-ignore lint/correctness/useYield: it fails before it has anything
  async function* failing(): AsyncGenerator<string, void, undefined> {
    throw new Error('no database')
  }
  await t.rejects(streams.open('ada', failing()), /no database/)
  await t.rejects(streams.open('ada', failing()), /no database/)
})
