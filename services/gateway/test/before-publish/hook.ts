import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BeforePublishRequest } from '@rabble/contract'
import type { Test } from 'tap'
import type { BeforePublishOptions } from '../../src/before-publish/before-publish.ts'

export const hookSecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

/** A question of a gateway. */
export interface Question extends BeforePublishRequest {
  text: string
  headers: IncomingMessage['headers']
  /** Body as it came. */
  raw: string
}

/** Answer with a status, or content of one as JSON. */
export type Answer = object

interface RawAnswer {
  status: number
  body?: string | Buffer
  headers?: Record<string, string>
}

/** Program that is asked before messages are published. */
export interface Hook {
  options: BeforePublishOptions
  /** Everything that it was asked. */
  readonly questions: readonly Question[]
  /** Number of connections that it has got, and of those that are open. */
  readonly connections: number
  readonly open: number
  /** Paths of all requests. */
  readonly paths: readonly string[]
}

/**
 * Starts a hook that answers with what `decide` returns, or closes the connection if that throws. Its gateways refuse what it does
 * not answer within a second, by their clock.
 */
export async function startHook(
  t: Test,
  decide: (question: Question) => Answer | Promise<Answer>,
  options: Partial<BeforePublishOptions> = {},
): Promise<Hook> {
  const questions: Question[] = []
  const paths: string[] = []
  let connections = 0
  let open = 0
  const server = createServer((request, response) => {
    serve(request, response).catch(() => request.socket.destroy())
  }).on('connection', (socket) => {
    connections++
    open++
    socket.on('close', () => open--)
  })

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    paths.push(request.url ?? '')
    const raw = Buffer.concat(await request.toArray()).toString()
    const body = JSON.parse(raw) as BeforePublishRequest
    const question = { ...body, text: body.event.text, headers: request.headers, raw }
    questions.push(question)
    const answer = await decide(question)
    if ('status' in answer) {
      const { status, headers, body } = answer as RawAnswer
      response.writeHead(status, headers).end(body)
    } else response.end(JSON.stringify(answer))
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}/filter`
  return {
    options: { url, secret: hookSecret, timeout: 1_000, policy: 'refuse', ...options },
    questions,
    paths,
    get connections() {
      return connections
    },
    get open() {
      return open
    },
  }
}
