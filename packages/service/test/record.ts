import { createLogger, type Logger } from '../src/logger.ts'

/** Returns a logger, and its output. */
export function record(): { logger: Logger; written(): string } {
  let log = ''
  const logger = createLogger('test', 'trace', { write: (line) => (log += line) })
  return { logger, written: () => log }
}
