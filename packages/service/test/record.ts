import { createLogger, type Logger } from '../src/app.ts'

/** A logger, and what it wrote. */
export function record(): { logger: Logger; written(): string } {
  let log = ''
  const logger = createLogger('test', 'trace', { write: (line) => (log += line) })
  return { logger, written: () => log }
}
