import type { Clock } from '@rabble/clock'
import { type OtlpReceiver, until } from '@rabble/harness'
import { Registry } from 'prom-client'
import type { Test } from 'tap'
import { createLogger } from '../../src/logger.ts'
import { readSettings } from '../../src/read-settings.ts'
import { startTracing } from '../../src/tracing/start.ts'
import type { Tracing } from '../../src/tracing/tracing.ts'
import { tracingSettings } from '../../src/tracing-settings.ts'

const names = Object.keys(tracingSettings) as (keyof typeof tracingSettings)[]

/** Starts tracing as a service does, into `collector`. All work is sampled unless `env` says otherwise. */
export async function build(
  t: Test,
  collector: Pick<OtlpReceiver, 'url'>,
  env: Record<string, string> = {},
  clock?: Clock,
) {
  const registry = new Registry()
  let log = ''
  const destination = { write: (line: string) => (log += line) }
  let tracing: Tracing | undefined
  const logger = createLogger('test', 'info', destination, () => tracing?.current())
  const settings = readSettings(
    { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_TRACES_SAMPLER: 'parentbased_always_on', ...env },
    names,
  )
  const started = await startTracing({
    settings,
    service: 'test',
    name: 'test-1',
    registry,
    logger,
    ...(clock && { clock }),
  })
  if (started === undefined) throw new Error('nothing is traced')
  tracing = started
  t.teardown(() => started.close())
  const spansWith = async (result: string) => {
    const { values = [] } = (await registry.getSingleMetric('rabble_spans_total')?.get()) ?? {}
    return values.find(({ labels }) => labels.result === result)?.value ?? 0
  }
  return {
    tracing: started,
    logger,
    lines: () =>
      log
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line)),
    /** Returns the number of spans with a result. */
    spansWith,
    counted: (result: string, count: number) =>
      until(async () => (await spansWith(result)) >= count, 30_000, `${count} ${result} spans`),
  }
}
