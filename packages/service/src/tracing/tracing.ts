import type { Clock } from '@rabble/clock'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { Settings } from '../settings.ts'
import type { tracingSettings } from '../tracing-settings.ts'

/** Role of a span: it answers a request, makes one, sends a message, or takes one. */
export type SpanKind = 'server' | 'client' | 'producer' | 'consumer'

/**
 * Facts about a span, named as by OpenTelemetry's semantic conventions. Texts, tokens, names and ids of users must not be among them, nor
 * names of rooms and paths of URLs, since those of direct messages have ids of users.
 */
export type Attributes = Readonly<Record<string, string | number>>

/** Work that is traced: a part of a trace. */
export interface Span {
  /** Id of the trace: 32 hexadecimal digits. */
  readonly traceId: string
  /** The span as the parent of others, in the form of the header `traceparent` (W3C Trace Context). */
  readonly traceparent: string
  set(attributes: Attributes): void
  /** Ends the span. `failure` is the error, or the kind of error, that the work failed with. */
  end(failure?: unknown): void
}

/** Spans of the requests and messages that are sampled. Parts of Rabble have none while traces are off, and do nothing for them then. */
export interface Tracing {
  /**
   * Starts the span of work that comes from outside: as a part of the traced work under way here, of that of the caller, or as a new
   * trace. Undefined: it is not sampled. `traceparent` is the header of the caller, if there is one.
   */
  begin(name: string, kind: SpanKind, attributes: Attributes, traceparent?: string): Span | undefined
  /** Starts the span of a part of the traced work that is under way here; undefined if there is none. */
  part(name: string, kind: SpanKind, attributes: Attributes): Span | undefined
  /** Starts a span that follows another one, perhaps of another process; undefined if that one is not sampled. */
  follow(traceparent: string, name: string, kind: SpanKind, attributes: Attributes): Span | undefined
  /** The traced work that is under way here, in this chain of calls and promises, and has not ended. */
  current(): Span | undefined
  /** Does work, and all that follows from it asynchronously, as the span. */
  within<Result>(span: Span, work: () => Result): Result
  /** Does work as the span, if there is one, and ends it with the work. */
  during<Result>(span: Span | undefined, work: () => Result): Result
  /** Sends the spans that wait, for a moment at most. */
  close(): Promise<void>
}

export interface TracingOptions {
  settings: Settings<keyof typeof tracingSettings, never>
  /** Name of the service, such as `gateway`, and of this process. */
  service: string
  name: string
  registry: Registry
  logger: Logger
  /** Clock of time limits. Spans have the time of the machine. Default: the clock of the machine. */
  clock?: Clock
}
