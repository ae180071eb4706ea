import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { assertNothingLeft } from '@rabble/harness'
import t from 'tap'

assertNothingLeft(t)

/** Runs a benchmark without tap's variables, which would load tap's loader. Resolves to its output. */
async function run(bench: string, ...args: string[]): Promise<string> {
  const script = fileURLToPath(new URL(`../../src/${bench}/main.js`, import.meta.url))
  const command = ['-i', `PATH=${process.env.PATH}`, process.execPath, script, ...args]
  return (await promisify(execFile)('/usr/bin/env', command, { timeout: 300_000 })).stdout
}

const resultOf = (output: string) => JSON.parse(output.trimEnd().split('\n').at(-1) ?? '')

// These tests only check that the benchmarks run. The figures mean nothing here.

t.test('history-catch-up takes in a small backlog, all of it, and ends with a line of JSON', async (t) => {
  const output = await run('history-catch-up', '--events', '2000', '--batch', '5')
  t.match(output, /^events\/s, from the start of the process +\d+$/m)
  const result = resultOf(output)
  t.match(result, {
    bench: 'history-catch-up',
    events: 2_000,
    batch: 5,
    eventsPerSecond: { fromStart: Number, fromFirstRow: Number },
    memoryMiB: { quarters: [Number, Number, Number, Number], peak: Number },
  })
  t.ok(result.eventsPerSecond.fromStart > 0)
  t.ok(result.transactions.count > 0, 'it has found the metrics')
  t.ok(result.memoryMiB.peak >= result.memoryMiB.quarters[0])
})

t.test('history-page measures pages of a room and prints how they are found', async (t) => {
  const output = await run('history-page', '--messages', '2000', '--requests', '10')
  t.match(output, /Index Scan Backward using messages_by_room/)
  const percentiles = { p50: Number, p99: Number }
  t.match(resultOf(output), {
    messages: 2_000,
    milliseconds: { newest: percentiles, before: percentiles, around: percentiles },
  })
})

// A benchmark that fails if anything is not exactly as it was written, so it runs in its full size.
t.test(
  'conversations: a user’s 10,000 are listed exactly, and 1,000 members of a room read at once',
  async (t) => {
    const result = resultOf(await run('conversations', '--rounds', '3'))
    const percentiles = { p50: Number, p99: Number }
    const cpu = { gateways: Number, history: Number, postgres: Number }
    const list = { page: percentiles, watch: percentiles, cpu }
    t.match(result.lists, { few: { ...list, conversations: 200 }, many: { ...list, conversations: 10_000 } })
    t.match(result.reading, { members: 1_000, lost: 0, acknowledged: percentiles, told: percentiles, cpu })
    t.ok(result.lists.timesFew > 0)
  },
)

t.test('fan-out compares transports, in a big room and in small ones', async (t) => {
  const transport = 'websocket,deflate,sse,signalr,socketio'
  const args = ['--members', '50', '--seconds', '1', '--warmup', '0', '--transport', transport]
  const result = resultOf(await run('fan-out', ...args))
  const figures = {
    deliveriesPerSecond: Number,
    gatewayMicroseconds: Number,
    bytesPerDelivery: Number,
    messagesPerBatch: Number,
    timesWebSocket: Number,
  }
  const each = Object.fromEntries(transport.split(',').map((name) => [name, figures]))
  t.match(result, { members: 50, shapes: { big: each, small: each } })
  for (const [name, { messagesPerSecond }] of Object.entries<typeof figures & { messagesPerSecond: number }>(
    result.shapes.small,
  )) {
    t.ok(messagesPerSecond > 0, `senders over ${name} are acknowledged`)
  }
})

t.test('presence counts what many who join are told', async (t) => {
  const result = resultOf(await run('presence', '--clients', '60', '--seconds', '1', '--quiet', '1'))
  const latency = { messages: Number, p50: Number, p99: Number }
  t.match(result, { clients: 60, latencyMs: { before: latency, joining: latency, after: latency } })
  t.same(result.countAtLast, { least: 62, most: 62 }, 'everybody knows how many there are')
  // A frame for each join would make 30 for each client. A frame at most every 0.5 s makes few, even if the second gets long.
  t.ok(result.framesPerClient > 0 && result.framesPerClient < 20)
})

t.test(
  'peers compares Rabble with a bare WebSocket server, and counts what each of them loses',
  async (t) => {
    const args = ['--systems', 'rabble,websocket', '--members', '20', '--seconds', '1', '--warmup', '0']
    const result = resultOf(await run('peers', ...args, '--rate', '200'))
    const one = {
      microseconds: Number,
      deliveriesPerSecond: Number,
      latencyMs: { p50: Number, p99: Number },
      check: { lost: 0, repeated: 0, disordered: 0 },
    }
    const both = { rabble: one, websocket: one }
    t.match(result.shapes, { big: both, single: both, small: both, paced: both })
    t.match(result.connect, { rabble: { microseconds: Number, kibibytes: Number }, websocket: {} })
  },
)

t.test('capacity measures connections that do nothing, and the disk that messages take', async (t) => {
  const args = ['--clients', '20', '--rooms', '4', '--messages', '500', '--seconds', '1']
  const { kibibytesPerConnection, bytesPerMessage } = resultOf(await run('capacity', ...args))
  t.match(kibibytesPerConnection, { gateway: Number, rooms: Number, nginx: Number })
  t.match(bytesPerMessage, { event: Number, log: Number, postgres: Number, search: Number })
  t.ok(bytesPerMessage.log > bytesPerMessage.event / 2, 'the files of the log are found')
})

t.test('cost fails if a delivery costs more than is allowed, and says how much', async (t) => {
  const args = ['--members', '20', '--seconds', '1', '--warmup', '0', '--rounds', '1']
  t.match(resultOf(await run('cost', ...args, '--growth', '1000')), { best: { big: Number, small: Number } })
  const failing = [...args, '--growth', '0.001']
  await t.rejects(run('cost', ...failing, '--others', '100'), {
    code: 1,
    stderr: /a delivery costs too much beside a bare WebSocket server: big [\d.]+ times, at most 0\.0/,
  })
  t.match(await run('cost', ...failing, '--others', '0'), /^not told, since other processes disturbed/m)
})

t.test('a benchmark lists its options, and refuses others', async (t) => {
  t.match(await run('history-catch-up', '--help'), /^history-catch-up: .*--events/s)
  const refused = (stderr: RegExp) => ({ code: 1, stderr })
  await t.rejects(run('history-catch-up', '--events', 'many'), refused(/--events many: must be like/))
  await t.rejects(run('fan-out', '--rows', '5'), refused(/Unknown option '--rows'/))
})
