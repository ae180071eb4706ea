import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ChatEvent } from '@rabble/contract'
import type { Test } from 'tap'
import type { Webhook } from '../src/webhooks/webhook.ts'

export const key = Buffer.from('a key of 24 bytes or more, for tests')

/** A request as the receiver of a webhook got it. */
export interface Received {
  path: string
  headers: IncomingHttpHeaders
  body: string
  data: { partition: number; gap?: { expected: number; found: number }; events: ChatEvent[] }
}

export interface Receiver {
  readonly webhook: Webhook
  /** All requests, also those that were refused. */
  readonly received: Received[]
  /** Returns the ids of the accepted events, each where it came first. */
  ids(): string[]
  /** Answers each request. Default: with 204. */
  answer: (response: ServerResponse, received: Received) => void
  /** Ends with all connections. Resolves when nobody listens. */
  kill(): Promise<void>
  /** Listens again, at the same port. */
  restart(): Promise<void>
}

/** Starts a receiver of a webhook, and throws if it gets a request with another signature than that of `key`. */
export async function startReceiver(t: Test, options: Partial<Webhook> = {}): Promise<Receiver> {
  const received: Received[] = []
  const accepted = new Set<string>()
  let port = 0
  let server: Server | undefined

  const receiver: Receiver = {
    webhook: {
      url: '',
      secret: `whsec_${key.toString('base64')}`,
      events: new Set(['rooms']),
      start: 'oldest',
      ...options,
    },
    received,
    ids: () => [...accepted],
    answer: (response) => void response.writeHead(204).end(),
    async kill() {
      server?.close()
      server?.closeAllConnections()
      if (server?.listening) await once(server, 'close')
    },
    async restart() {
      server = createServer(async (request, response) => {
        const chunks: Buffer[] = []
        for await (const chunk of request) chunks.push(chunk)
        const body = Buffer.concat(chunks).toString()
        const { url: path = '', headers } = request
        t.equal(headers['webhook-signature'], `v1,${signatureOf(headers, body)}`, 'the signature fits', {
          diagnostic: false,
        })
        const one: Received = { path, headers, body, data: JSON.parse(body).data }
        received.push(one)
        receiver.answer(response, one)
        if (response.statusCode >= 300 || !response.headersSent) return
        for (const { id } of one.data.events) accepted.add(id)
      })
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
      port = (server.address() as AddressInfo).port
    },
  }
  await receiver.restart()
  t.teardown(() => receiver.kill())
  return Object.assign(receiver, {
    webhook: { ...receiver.webhook, url: `http://127.0.0.1:${port}/hook?token=of-the-url` },
  })
}

function signatureOf(headers: IncomingHttpHeaders, body: string): string {
  const content = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
  return createHmac('sha256', key).update(content).digest('base64')
}
