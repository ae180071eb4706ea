import { createManualClock, type ManualClock } from '@rabble/clock/manual'
import { type RabbitMq, until } from '@rabble/harness'
import { type Channel, connect } from 'amqplib'
import type { Test } from 'tap'
import { during, longTimeouts, movedLimits } from '../../src/conformance/fixture.ts'
import type { OpenOptions } from '../../src/conformance/index.ts'
import { connectRabbitMqLog, type Retention } from '../../src/index.ts'

/** Time limit (ms) of any step on a busy machine. */
export const timeout = 60_000

export interface BuildOptions extends OpenOptions {
  url: string
  prefix: string
  retention?: Partial<Retention>
  clock?: ManualClock
}

/** Creates a log, and records all its callbacks and log lines. */
export async function build(t: Test, options: BuildOptions) {
  const logged: { level: string; fields: object; message: string }[] = []
  const told: unknown[][] = []
  const to = (level: string) => (fields: object, message: string) => logged.push({ level, fields, message })
  const log = await connectRabbitMqLog({
    ...options,
    // A clock that stands still would hold back all batches but the first.
    ...(options.clock && { spacing: 0 }),
    limits: { ...longTimeouts, ...options.limits },
    logger: { info: to('info'), warn: to('warn'), error: to('error') },
    observer: {
      contradicted: (events) => told.push(['contradicted', events]),
      retried: (events) => told.push(['retried', events]),
      refused: (events, reason) => told.push(['refused', events, reason]),
      connection: (role, up) => told.push(['connection', role, up]),
      gap: (...where) => told.push(['gap', ...where]),
    },
  })
  t.teardown(() => log.close())
  return {
    log,
    logged,
    told,
    count: (...what: unknown[]) => told.filter((entry) => same(entry, what)).length,
    gaps: () => told.filter(([what]) => what === 'gap'),
  }
}

/**
 * Creates a log with a clock of its own, and waits until it is connected, unless the test expects a failure. Time passes
 * meanwhile: a broker that gets several requests for streams at once may refuse one of them, and the next attempt waits.
 */
export async function buildWithClock(t: Test, options: BuildOptions & { connects?: false }) {
  const clock = createManualClock()
  const limits = { ...movedLimits, ...options.limits }
  const built = await build(t, { ...options, limits, clock })
  if (options.connects ?? true) {
    const connected = () => built.log.status().connected
    await during(clock, until(connected, timeout, 'the log to be connected'))
  }
  return { ...built, clock }
}

/** Whether the log has two lines for each outage, for any number of parts and attempts. There may be more than one outage. */
export function areOutages(logged: readonly { level: string }[]): boolean {
  return logged.every(({ level }, index) => level === (index % 2 === 0 ? 'warn' : 'info'))
}

function same(entry: unknown[], start: unknown[]): boolean {
  return start.every((value, i) => entry[i] === value)
}

/** Changes something at the broker, as an operator would. */
export async function administrate<Result>(
  { url }: Pick<RabbitMq, 'url'>,
  work: (channel: Channel) => Promise<Result>,
): Promise<Result> {
  const connection = await connect(url)
  try {
    const channel = await connection.createChannel()
    // The call reports this error as well.
    channel.on('error', () => {})
    return await work(channel)
  } finally {
    await connection.close()
  }
}
