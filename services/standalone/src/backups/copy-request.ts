import { rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { isAbsolute, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Database } from '@rabble/database'
import type { Logger } from '@rabble/service'

/** Maximum length of a request, in characters. */
const maxRequest = 8_192

/** Returns the path of the socket at which the process that uses a DATA_DIR takes requests. Only its owner can enter the folder. */
function socketIn(dataDir: string): string {
  return join(dataDir, 'backup.sock')
}

export interface CopyRequests {
  /** Waits for a copy that is being made. */
  close(): Promise<void>
}

/**
 * Takes requests to copy the database of this process, one at a time: each is an absolute path in a line, and is answered with a
 * line, which is empty, or says why there is no copy. A folder with too long a path can have no socket, which is logged.
 */
export async function takeCopyRequests(
  dataDir: string,
  database: Required<Pick<Database, 'copyTo'>>,
  logger: Logger,
): Promise<CopyRequests> {
  let last: Promise<unknown> = Promise.resolve()

  async function copy(path: string): Promise<string> {
    if (!isAbsolute(path)) return 'the path must be absolute'
    const startedAt = performance.now()
    const copied = last.then(() => database.copyTo(path))
    last = copied.catch(() => {})
    try {
      await copied
      logger.info({ ms: Math.round(performance.now() - startedAt) }, 'copied the database for a backup')
      return ''
    } catch (error) {
      logger.error({ err: error }, 'the database could not be copied')
      return (error as Error).message.replaceAll('\n', ' ')
    }
  }

  function serve(socket: Socket): void {
    socket.on('error', () => {})
    let size = 0
    socket.on('data', (data) => {
      size += data.length
      if (size > maxRequest) socket.destroy()
    })
    createInterface(socket).once(
      'line',
      (path) => void copy(path).then((answer) => socket.end(`${answer}\n`)),
    )
  }

  const path = socketIn(dataDir)
  // A killed process leaves it. The lock of the folder says that no other process uses it.
  rmSync(path, { force: true })
  const server = createServer(serve)
  const failed = await new Promise<Error | undefined>((resolve) => {
    server.once('error', resolve)
    server.listen(path, () => resolve(undefined))
  })
  if (failed !== undefined) {
    logger.warn({ err: failed }, 'no backup can be made while Rabble runs')
    return { close: async () => {} }
  }
  // Requests must not keep the process alive.
  server.unref()
  return {
    async close() {
      server.close()
      await last
    },
  }
}

/**
 * Asks the process that uses a DATA_DIR for a copy of its database. Returns false if it takes no requests.
 * @throws Error if it can't make the copy
 */
export async function requestCopy(dataDir: string, path: string): Promise<boolean> {
  const socket = connect(socketIn(dataDir))
  const connected = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
  })
  if (!connected) return false
  socket.write(`${path}\n`)
  const answer = await new Promise<string>((resolve) => {
    createInterface(socket).once('line', resolve)
    socket.on('error', () => {})
    socket.once('close', () => resolve('the process ended meanwhile'))
  })
  socket.destroy()
  if (answer !== '') throw new Error(`the database can't be copied: ${answer}`)
  return true
}
