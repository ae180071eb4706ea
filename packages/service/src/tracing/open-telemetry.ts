import { AsyncLocalStorage } from 'node:async_hooks'
import {
  type Context,
  type Span as OtelSpan,
  ROOT_CONTEXT,
  SpanKind as SpanKinds,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { parseKeyPairsIntoRecord, parseTraceParent } from '@opentelemetry/core'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { systemClock } from '@rabble/clock'
import { inTime } from '@rabble/clock/race'
import type { Settings } from '../settings.ts'
import type { tracingSettings } from '../tracing-settings.ts'
import { createExport } from './export.ts'
import type { Attributes, Span, SpanKind, Tracing, TracingOptions } from './tracing.ts'

/** Time limit (ms) for the last spans of a process that stops. */
const closeTimeout = 2_000

type TracingSettings = Settings<keyof typeof tracingSettings, never>

const kinds = {
  server: SpanKinds.SERVER,
  client: SpanKinds.CLIENT,
  producer: SpanKinds.PRODUCER,
  consumer: SpanKinds.CONSUMER,
} satisfies Record<SpanKind, SpanKinds>

/**
 * Creates spans with OpenTelemetry's SDK. It sets none of the API's globals, so several services can be in one process, and patches no
 * module. Work knows its span by an AsyncLocalStorage, which only sampled work enters.
 */
export function createTracing(options: TracingOptions & { endpoint: string }): Tracing {
  const { settings, service, name, clock = systemClock } = options
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.name': settings.OTEL_SERVICE_NAME ?? (service === 'rabble' ? service : `rabble-${service}`),
      'service.namespace': 'rabble',
      'service.instance.id': name,
      'telemetry.sdk.language': 'nodejs',
      'telemetry.sdk.name': 'opentelemetry',
      ...parseKeyPairsIntoRecord(settings.OTEL_RESOURCE_ATTRIBUTES),
    }),
    sampler: samplerOf(settings),
    spanProcessors: [createExport(options)],
  })
  const tracer = provider.getTracer('rabble')
  const underWay = new AsyncLocalStorage<RecordedSpan>()
  let closing: Promise<unknown> | undefined

  function start(
    name: string,
    kind: SpanKind,
    attributes: Attributes,
    parent: Context,
  ): RecordedSpan | undefined {
    const span = tracer.startSpan(name, { kind: kinds[kind], attributes }, parent)
    return span.isRecording() ? new RecordedSpan(span) : undefined
  }

  /**
   * Returns the span of the work under way. Timers and connections outlive the work that made them, and still carry its span: one that has
   * ended counts as none.
   */
  function current(): RecordedSpan | undefined {
    const span = underWay.getStore()
    return span?.hasEnded === false ? span : undefined
  }

  const within = <Result>(span: Span, work: () => Result): Result => underWay.run(span as RecordedSpan, work)

  return {
    begin(name, kind, attributes, traceparent) {
      const caller = traceparent === undefined ? undefined : contextOf(traceparent)
      return start(name, kind, attributes, caller ?? current()?.context ?? ROOT_CONTEXT)
    },
    part(name, kind, attributes) {
      const whole = current()
      return whole && start(name, kind, attributes, whole.context)
    },
    follow(traceparent, name, kind, attributes) {
      const before = contextOf(traceparent)
      return before && start(name, kind, attributes, before)
    },
    current,
    within,
    during(span, work) {
      if (span === undefined) return work()
      try {
        const result = within(span, work)
        if (result instanceof Promise) {
          result.then(
            () => span.end(),
            (error: unknown) => span.end(error ?? 'unknown'),
          )
        } else span.end()
        return result
      } catch (error) {
        span.end(error ?? 'unknown')
        throw error
      }
    },
    async close() {
      closing ??= inTime(
        provider.shutdown().catch(() => {}),
        closeTimeout,
        clock,
      )
      await closing
    },
  }
}

class RecordedSpan implements Span {
  readonly context: Context
  readonly traceId: string
  readonly traceparent: string
  readonly #span: OtelSpan

  constructor(span: OtelSpan) {
    const { traceId, spanId } = span.spanContext()
    this.#span = span
    this.context = trace.setSpan(ROOT_CONTEXT, span)
    this.traceId = traceId
    this.traceparent = `00-${traceId}-${spanId}-01`
  }

  get hasEnded(): boolean {
    return !this.#span.isRecording()
  }

  set(attributes: Attributes): void {
    this.#span.setAttributes(attributes)
  }

  end(failure?: unknown): void {
    if (failure !== undefined) {
      // Messages of errors may hold anything.
      this.#span.setAttribute('error.type', kindOf(failure))
      this.#span.setStatus({ code: SpanStatusCode.ERROR })
    }
    this.#span.end()
  }
}

/** Returns what kind of error it is: its code, such as `rate-limited` or `ECONNREFUSED`, or the name of its class. */
function kindOf(failure: unknown): string {
  if (!(failure instanceof Error)) return String(failure)
  return 'code' in failure && typeof failure.code === 'string' ? failure.code : failure.name
}

/** Returns the context of a header `traceparent`; undefined if it is invalid, so that it counts for nothing. */
function contextOf(traceparent: string): Context | undefined {
  const parent = parseTraceParent(traceparent)
  return parent === null ? undefined : trace.setSpanContext(ROOT_CONTEXT, { ...parent, isRemote: true })
}

function samplerOf(settings: TracingSettings): Sampler {
  const { OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: ratio } = settings
  const root = rootSamplerOf(name.replace('parentbased_', ''), ratio)
  return name.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root
}

function rootSamplerOf(name: string, ratio: number): Sampler {
  if (name === 'always_on') return new AlwaysOnSampler()
  return name === 'always_off' ? new AlwaysOffSampler() : new TraceIdRatioBasedSampler(ratio)
}
