import closeWithGrace from 'close-with-grace'
import type { FastifyInstance } from 'fastify'
import { endLog, type Logger } from './logger.ts'
import { unknownSettings } from './read-settings.ts'

/** Time limit (ms) of closing, after which the process ends anyway. */
const closeTimeout = 10_000

export interface RunningService {
  app: FastifyInstance
  logger: Logger
  host: string
  port: number
  started?: (address: string) => void
  /** Work on a signal while the app still answers, and its time limit (ms). */
  drain?: { run(): Promise<void>; timeout: number }
}

/**
 * Runs the process of a service: builds the app, listens, drains and closes it on SIGTERM or SIGINT, and exits with 1 if it can't
 * start. A second signal ends the process at once.
 */
export async function runService(options: { start: () => Promise<RunningService> }): Promise<void> {
  try {
    const { app, logger, host, port, started, drain } = await options.start()
    for (const name of unknownSettings(process.env))
      logger.warn({ variable: name }, 'not a setting of Rabble: ignored')
    const delay = (drain?.timeout ?? 0) + closeTimeout
    closeWithGrace({ delay, logger: false }, async ({ signal, err }) => {
      if (err) logger.fatal({ err }, 'stopping after an unexpected error')
      else {
        logger.info({ signal }, 'stopping')
        await drain?.run().catch((error: unknown) => logger.error({ err: error }, 'draining failed'))
      }
      await app.close()
      logger.info('stopped')
      await endLog()
    })
    const address = await app.listen({ host, port })
    started?.(address)
  } catch (error) {
    // Errors of the configuration and the environment (a used port, a locked folder) need no stack.
    const debug = ['debug', 'trace'].includes(process.env.LOG_LEVEL ?? '')
    const text = error instanceof Error ? (debug ? error.stack : error.message) : String(error)
    process.stderr.write(`Rabble can't start:\n  ${text?.replaceAll('\n', '\n  ')}\n`)
    await endLog()
    process.exit(1)
  }
}
