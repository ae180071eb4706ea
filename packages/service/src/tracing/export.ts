import type { ExportResult } from '@opentelemetry/core'
import { ExportResultCode, parseKeyPairsIntoRecord } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import {
  BatchSpanProcessor,
  type ReadableSpan,
  type SpanExporter,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace'
import { Counter, type Registry } from 'prom-client'
import type { TracingOptions } from './tracing.ts'

/** Maximum number of spans that wait for the collector or are on their way to it. The SDK's queue has as many places. */
const maxWaiting = 2048

/** Maximum time (ms) that a span waits for others of its request to the collector. */
const delay = 1_000

/** Creates the counter of the spans, which services have only while they trace. */
export function countSpans(registry: Registry): Counter<'result'> {
  return new Counter({
    name: 'rabble_spans_total',
    help: 'Spans of traces by result. `sent`: the collector has them; `failed`: it could not be reached, or refused them; `dropped`: too many waited for it. Only with `OTEL_EXPORTER_OTLP_ENDPOINT`.',
    labelNames: ['result'] as const,
    registers: [registry],
  })
}

/**
 * Creates the way of spans to the collector: a bounded queue, and a request every second or for each 512 spans. A collector that is away costs
 * its spans and one line of the log.
 */
export function createExport(options: TracingOptions & { endpoint: string }): SpanProcessor {
  const { settings, registry, logger, endpoint } = options
  const spans = countSpans(registry)
  let waiting = 0
  let isFailing = false

  function report(failure: Error | undefined): void {
    const { host } = new URL(endpoint)
    if (failure !== undefined && !isFailing) {
      logger.warn(
        { err: failure, collector: host },
        'traces can’t be sent to the collector; its failures are only counted from now on',
      )
    } else if (failure === undefined && isFailing) {
      logger.info({ collector: host }, 'traces reach the collector again')
    }
    isFailing = failure !== undefined
  }

  const otlp = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    headers: parseKeyPairsIntoRecord(settings.OTEL_EXPORTER_OTLP_HEADERS),
  })
  const exporter: SpanExporter = {
    export(batch: ReadableSpan[], done: (result: ExportResult) => void) {
      otlp.export(batch, (result) => {
        waiting -= batch.length
        const failure =
          result.code === ExportResultCode.SUCCESS ? undefined : (result.error ?? new Error('no answer'))
        spans.inc({ result: failure === undefined ? 'sent' : 'failed' }, batch.length)
        report(failure)
        done(result)
      })
    },
    shutdown: () => otlp.shutdown(),
  }
  const batches = new BatchSpanProcessor({ exporter, maxQueueSize: maxWaiting, scheduledDelayMillis: delay })
  return {
    onStart() {},
    onEnd(span) {
      // The queue of the SDK would count the spans that it drops in a metric of OpenTelemetry only.
      if (waiting >= maxWaiting) spans.inc({ result: 'dropped' })
      else {
        waiting++
        batches.onEnd(span)
      }
    },
    forceFlush: () => batches.forceFlush(),
    shutdown: () => batches.shutdown(),
  }
}
