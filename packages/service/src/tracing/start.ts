import type { Tracing, TracingOptions } from './tracing.ts'

/** Starts tracing if there is a collector. Otherwise nothing of OpenTelemetry's SDK is loaded. */
export async function startTracing(options: TracingOptions): Promise<Tracing | undefined> {
  const endpoint = options.settings.OTEL_EXPORTER_OTLP_ENDPOINT
  if (endpoint === undefined) return undefined
  const { createTracing } = await import('./open-telemetry.ts')
  return createTracing({ ...options, endpoint })
}
