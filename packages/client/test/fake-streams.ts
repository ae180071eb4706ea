import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { ClientFrame, ServerFrame } from '@rabble/contract'
import type { FakeConnection } from './fake-gateway.ts'

export interface FakeRequest {
  readonly method: string
  readonly url: string
  /** Value of Last-Event-ID. */
  readonly last: string | undefined
  readonly body: string
}

/** Session over Server-Sent Events or long polling. `send` makes a block of its own for each frame. */
export interface FakeStream extends FakeConnection {
  /** Sends frames as one block. */
  sendBlock(frames: readonly ServerFrame[]): void
  /** Number of the newest block. */
  readonly last: number
  /** Response that is open now. */
  readonly response: ServerResponse | undefined
  /** Ends the response as a proxy does, after the first characters of what is sent next if `part` says so. */
  cut(part?: ServerFrame): void
}

export interface FakeStreams {
  readonly sessions: readonly FakeStream[]
  readonly requests: readonly FakeRequest[]
  /** Returns the requests of a method, in order. */
  of(method: string): FakeRequest[]
  /** Maximum number of concurrent POST requests so far. */
  readonly concurrentPosts: number
  /** Whether a proxy holds back a response until it has ended. */
  isBuffered: boolean
  /** Answers to the next requests of a method. The gateway does nothing else. */
  readonly refusals: { method: string; status: number; body: string; type?: string }[]
  /** Promise that each POST request waits for. */
  gate: Promise<unknown>
}

interface Host {
  opened(connection: FakeStream & { frames: ClientFrame[] }): void
  /** Takes a frame, and returns the replies. */
  take(frame: ClientFrame, connection: FakeStream & { frames: ClientFrame[] }): ServerFrame[]
}

/** Answers `/sse` and `/poll` as docs/protocol/event-stream.md says. */
export function serveStreams(server: Server, host: Host): FakeStreams {
  const sessions = new Map<string, Session>()
  const all: Session[] = []
  const requests: FakeRequest[] = []
  let posts = 0
  let concurrentPosts = 0

  const streams: FakeStreams = {
    sessions: all,
    requests,
    of: (wanted) => requests.filter(({ method }) => method === wanted),
    get concurrentPosts() {
      return concurrentPosts
    },
    isBuffered: false,
    refusals: [],
    gate: Promise.resolve(),
  }

  function open(path: string): Session {
    const key = `key-${all.length}`
    const session = new Session(key, path, () => sessions.delete(key))
    sessions.set(key, session)
    all.push(session)
    host.opened(session)
    session.write('event: session\ndata: {}\n')
    return session
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request
    const last = request.headers['last-event-id'] as string | undefined
    const body = await text(request)
    requests.push({ method, url, last, body })
    const refusal = streams.refusals.findIndex((refusal) => refusal.method === method)
    if (refusal >= 0) {
      const [{ status, body, type = 'application/json' } = { status: 500, body: '' }] =
        streams.refusals.splice(refusal, 1)
      response.writeHead(status, { 'content-type': type }).end(body)
      return
    }
    const [key = '', number = ''] = last?.split('.') ?? []
    const path = url.replace(/\?.*/, '')
    const known = sessions.get(key)?.path === path ? sessions.get(key) : undefined
    if (method === 'GET') {
      const session = known ?? open(path)
      session.answer(response, url, known === undefined ? 0 : Number(number), streams.isBuffered)
    } else if (method === 'DELETE') {
      known?.left()
      response.writeHead(204).end()
    } else if (known === undefined) {
      response.writeHead(404).end('{"code":"not-found","message":"the session is over"}')
    } else {
      concurrentPosts = Math.max(concurrentPosts, ++posts)
      await streams.gate
      posts--
      const replies = body.split('\n').flatMap((line) => host.take(JSON.parse(line), known))
      response.writeHead(204).end()
      if (replies.length > 0) known.sendBlock(replies)
    }
  }

  server.on('request', (request, response) => {
    if (request.url?.startsWith('/api/')) return
    void serve(request, response).catch(() => response.destroy())
  })
  return streams
}

class Session implements FakeStream {
  readonly frames: ClientFrame[] = []
  readonly #key: string
  readonly path: string
  readonly #end: () => void
  readonly #kept: { number: number; block: string }[] = []
  last = 0
  response: ServerResponse | undefined
  open = true
  code: number | undefined
  #isPolled = false
  #isBuffered = false
  #isClosing = false

  constructor(key: string, path: string, end: () => void) {
    this.#key = key
    this.path = path
    this.#end = end
  }

  send(frame: ServerFrame): void {
    this.sendBlock([frame])
  }

  sendBlock(frames: readonly ServerFrame[]): void {
    this.write(frames.map((frame) => `data: ${JSON.stringify(frame)}\n`).join(''))
  }

  write(fields: string): void {
    const number = ++this.last
    this.#kept.push({ number, block: `${fields}id: ${this.#key}.${number}\n\n` })
    this.#flush()
  }

  answer(response: ServerResponse, url: string, last: number, isBuffered: boolean): void {
    this.response?.end()
    this.response = response
    this.#isPolled = url.startsWith('/poll')
    this.#isBuffered = isBuffered
    response.on('close', () => {
      if (this.response === response) this.response = undefined
    })
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
    if (!isBuffered) response.flushHeaders()
    while (this.#kept[0] !== undefined && this.#kept[0].number <= last) this.#kept.shift()
    if (this.#kept.length > 0) this.#flush(this.#kept.length)
    else if (url.endsWith('wait=0')) response.end()
  }

  cut(part?: ServerFrame): void {
    const { response } = this
    this.response = undefined
    if (part !== undefined) {
      this.send(part)
      response?.write(this.#kept.at(-1)?.block.slice(0, 20))
    }
    // The bytes that were written go out first.
    response?.write('', () => response.destroy())
  }

  close(code?: number, reason = ''): void {
    if (code === undefined) {
      this.response?.destroy()
      this.#over()
    } else {
      this.#isClosing = true
      this.write(`event: close\ndata: ${JSON.stringify({ code, reason })}\n`)
    }
  }

  left(): void {
    this.code = 1000
    this.response?.end()
    this.#over()
  }

  #over(): void {
    this.open = false
    this.#end()
  }

  /** Writes the newest `count` blocks. */
  #flush(count = 1): void {
    if (this.response === undefined) return
    const blocks = this.#kept.slice(-count).map(({ block }) => block)
    if (!this.#isBuffered || this.#isPolled) this.response.write(blocks.join(''))
    if (this.#isPolled || this.#isClosing) {
      this.response.end()
      this.response = undefined
    }
    if (this.#isClosing) this.#over()
  }
}
