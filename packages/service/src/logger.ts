import { once } from 'node:events'
import { createRequire } from 'node:module'
import { type DestinationStream, type Logger, pino } from 'pino'
import type { Span } from './tracing/tracing.ts'

export type { Logger } from 'pino'

/** Form of the log: JSON lines, lines for people, or `auto`, which is `pretty` on a terminal and `json` elsewhere. */
export type LogFormat = 'auto' | 'json' | 'pretty'

/**
 * Creates a logger of JSON lines with `time` (ISO 8601, UTC), `level` (its name), `pid`, `name` and `msg`. Default: on standard output,
 * in the form `auto`. Tokens, message texts and query strings must not be logged. `traced` returns the span of the work under way; lines
 * of such work have its `trace_id`.
 */
export function createLogger(
  name: string,
  level = 'info',
  destination = standardOutput('auto'),
  traced?: () => Pick<Span, 'traceId'> | undefined,
): Logger {
  const options = {
    ...(traced && { mixin: () => traceFields(traced()) }),
    level,
    base: { pid: process.pid, name },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: describeError },
  }
  return pino(options, destination)
}

/** Returns the fields of a line that belongs to a trace. */
export function traceFields(span: Pick<Span, 'traceId'> | undefined): { trace_id?: string } {
  return span === undefined ? {} : { trace_id: span.traceId }
}

/** File of the process. */
type OutputFile = ReturnType<typeof pino.destination>

let output: { file: OutputFile; lines: DestinationStream & { end(): void } } | undefined
let readerHasGone = false

/** Returns the destination of all loggers of this process. The first call decides its form. */
export function standardOutput(format: LogFormat): DestinationStream {
  if (output !== undefined) return output.lines
  const file = pino.destination(1).on('error', () => {
    readerHasGone = true
  })
  const isPretty = format === 'pretty' || (format === 'auto' && process.stdout.isTTY)
  output = { file, lines: isPretty ? prettyInto(file) : file }
  return output.lines
}

/** Loads pino-pretty only for a reader who needs it: it would delay each start. */
function prettyInto(file: OutputFile) {
  const { build }: typeof import('pino-pretty') = createRequire(import.meta.url)('pino-pretty')
  return build({
    destination: file,
    colorize: process.stdout.isTTY === true && !process.env.NO_COLOR,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,gateway',
    singleLine: true,
  })
}

/**
 * Ends the log on standard output, before the process exits. Resolves when all of it is written, or can't be because its reader has
 * gone: at the exit, sonic-boom 4.2 would repeat such a write for ever.
 */
export async function endLog(): Promise<void> {
  if (output === undefined || readerHasGone) return
  output.lines.end()
  await once(output.file, 'close').catch(() => {})
}

/**
 * Returns the parts of an error for the log. pino would write all properties, but database drivers attach statements with their
 * parameters, which are message texts.
 */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error)
  const { name: type, message, stack, cause } = error
  return {
    type,
    ...('code' in error && { code: error.code }),
    message,
    stack,
    ...(cause !== undefined && { cause: describeError(cause) }),
  }
}
