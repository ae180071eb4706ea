import { once } from 'node:events'
import { type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { ServerFrame } from '@rabble/contract'
import { until } from '@rabble/harness'
import type { Test } from 'tap'

/** A block of an event stream. */
export interface Block {
  event: string | undefined
  id: string
  frames: ServerFrame[]
}

/** A response of `/sse` or `/poll`, as far as it has come. */
export interface Stream {
  readonly text: string
  readonly blocks: Block[]
  /** Id of the newest block. */
  readonly id: string
  /** Whether the response ended as it should, not by a cut. */
  readonly isComplete: boolean
  /** Resolves when a block with such a frame has come. */
  has(type: ServerFrame['type']): Promise<void>
  /** Resolves at the end of the response. */
  readonly ended: Promise<void>
  /** Cuts the connection. */
  cut(): void
}

export type Headers = Record<string, string>

/** Sends a request with a connection of its own. Resolves with the status and the body. */
export async function ask(
  method: string,
  url: string,
  headers: Headers = {},
  body?: string | Uint8Array,
): Promise<{ status: number; body: string; headers: IncomingMessage['headers'] }> {
  const response = await answerTo(method, url, headers, body)
  return { status: response.statusCode ?? 0, body: await text(response), headers: response.headers }
}

/** Begins or continues a session, and reads the response. @throws Error for another status than 200 */
export async function openStream(t: Test, url: string, headers: Headers = {}): Promise<Stream> {
  const response = await answerTo('GET', url, headers)
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}: ${await text(response)}`)
  t.teardown(() => response.destroy())
  let content = ''
  response.setEncoding('utf8').on('data', (chunk: string) => {
    content += chunk
  })
  response.on('error', () => {})
  const ended = new Promise<void>((resolve) => response.once('close', resolve))
  const stream: Stream = {
    get text() {
      return content
    },
    get blocks() {
      return blocksOf(content)
    },
    get id() {
      return stream.blocks.at(-1)?.id ?? ''
    },
    get isComplete() {
      return response.complete
    },
    has: (type) =>
      until(
        () => stream.blocks.some(({ frames }) => frames.some((frame) => frame.type === type)),
        60_000,
        `a frame of type ${type}`,
      ),
    ended,
    cut: () => response.destroy(),
  }
  return stream
}

/** Sends frames to the session of this id. */
export function post(url: string, id: string, ...frames: object[]): ReturnType<typeof ask> {
  const lines = frames.map((frame) => `${JSON.stringify(frame)}\n`)
  return ask('POST', url, { 'last-event-id': id }, lines.join(''))
}

async function answerTo(
  method: string,
  url: string,
  headers: Headers,
  body?: string | Uint8Array,
): Promise<IncomingMessage> {
  const sent = request(url, { method, headers, agent: false })
  sent.end(body)
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  return response
}

export function blocksOf(content: string): Block[] {
  return content
    .split('\n\n')
    .slice(0, -1)
    .map((block) => block.split('\n').filter((line) => !line.startsWith(':')))
    .filter((lines) => lines.length > 0)
    .map((lines) => {
      const values = (field: string) =>
        lines.filter((line) => line.startsWith(`${field}: `)).map((line) => line.slice(field.length + 2))
      const [event] = values('event')
      const [id = ''] = values('id')
      return { event, id, frames: values('data').map((data) => JSON.parse(data)) }
    })
}

/** Counts the GET requests that a server has got from now on and that wait for the end of their answer, such as a poll. */
export function waitingGets(server: Server): () => number {
  const responses = new Set<ServerResponse>()
  server.on('request', ({ method }: IncomingMessage, response: ServerResponse) => {
    if (method !== 'GET') return
    responses.add(response)
    response.on('close', () => responses.delete(response))
  })
  // An answered one may be closed only after its client has read it.
  return () => [...responses].filter(({ writableEnded }) => !writableEnded).length
}
