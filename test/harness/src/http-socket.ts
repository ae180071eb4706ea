import { EventEmitter } from 'node:events'
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

/** Longest time (ms) without an answer of the gateway, and the wait (ms) between two attempts. */
const longestOutage = 10_000
const pause = 100
/** Maximum bytes of frames that go up together. Less than the limit of any test, which one frame alone may pass. */
const togetherBytes = 4096

export interface HttpSocketOptions {
  transport: 'sse' | 'polling'
  headers: Record<string, string>
  /** Timeout (ms) of the `session` block. */
  handshakeTimeout: number
}

/**
 * A session over Server-Sent Events or long polling, with the part of the interface of a WebSocket of `ws` that `connectChat` uses.
 * docs/protocol/event-stream.md has the format. It is strict, since it checks the gateway: a line that the format doesn't know, or a
 * block that comes twice, closes it with 1006. A request that is refused for good does so too, with the status in the reason.
 */
export class HttpSocket extends EventEmitter {
  /** As of a WebSocket: 0 connecting, 1 open, 2 closing, 3 closed. */
  readyState: 0 | 1 | 2 | 3 = 0
  readonly #url: URL
  readonly #options: HttpSocketOptions
  /** Has the connections of this client only, so that they end with it. */
  readonly #agent = new Agent({ keepAlive: true })
  readonly #queue: { body: string | Uint8Array; alone: boolean }[] = []
  #posting = false
  #get: ClientRequest | undefined
  #response: IncomingMessage | undefined
  #paused = false
  /** Whether the last response ended before its end. */
  #wasCut = false
  /** Id of the newest block. */
  #last: string | undefined

  /** `url` is the `ws://` address, whose last segment gives way to that of the transport. */
  constructor(url: string, options: HttpSocketOptions) {
    super()
    this.#options = options
    this.#url = new URL(options.transport === 'sse' ? 'sse' : 'poll', url.replace(/^ws/, 'http'))
    const late = () => this.#refuse(new Error(`no session block in ${options.handshakeTimeout} ms`))
    const timer = setTimeout(late, options.handshakeTimeout)
    this.once('open', () => clearTimeout(timer))
    this.once('close', () => clearTimeout(timer))
    void this.#read()
  }

  /** Sends a frame. Frames that wait for the end of a request go up together. */
  send(frame: string): void {
    this.#enqueue(frame, false)
  }

  /** Sends anything as a body of its own. */
  raw(body: string | Uint8Array): void {
    this.#enqueue(body, true)
  }

  /** Stops reading: a response until the gateway's writes pile up, or the polling. */
  pause(): void {
    this.#paused = true
    this.#response?.pause()
  }

  resume(): void {
    this.#paused = false
    this.#response?.resume()
    this.emit('resume')
  }

  /** Ends the session on purpose. */
  close(code = 1000): void {
    if (this.readyState > 1) return
    this.readyState = 2
    this.#get?.destroy()
    const ended = code === 1000 && this.#last !== undefined ? this.#ask('DELETE') : Promise.resolve()
    void ended.catch(() => {}).then(() => this.#end(code, ''))
  }

  /** Ends as if the network were lost. */
  terminate(): void {
    this.#end(1006, '')
  }

  #enqueue(body: string | Uint8Array, alone: boolean): void {
    if (this.readyState !== 1) return
    this.#queue.push({ body, alone })
    if (!this.#posting) void this.#post()
  }

  async #post(): Promise<void> {
    this.#posting = true
    for (let body = this.#next(); body !== undefined && this.readyState === 1; body = this.#next()) {
      const refused = await this.#retry('POST', body, [204])
      if (refused !== undefined) this.#end(1006, refused)
    }
    this.#posting = false
  }

  /** Takes the next body from the queue. */
  #next(): string | Uint8Array | undefined {
    const first = this.#queue.shift()
    if (first === undefined || first.alone) return first?.body
    const lines = [String(first.body)]
    let bytes = Buffer.byteLength(lines[0] ?? '')
    for (let next = this.#queue[0]; next !== undefined && !next.alone; next = this.#queue[0]) {
      bytes += 1 + Buffer.byteLength(String(next.body))
      if (bytes > togetherBytes) break
      lines.push(String(next.body))
      this.#queue.shift()
    }
    return lines.join('\n')
  }

  async #read(): Promise<void> {
    while (this.readyState < 2) {
      if (this.#paused) await new Promise((resolve) => this.once('resume', resolve))
      const refused = await this.#retry('GET', undefined, [200])
      if (refused !== undefined) this.#refuse(new Error(refused))
      else if (this.#wasCut) await sleep(pause)
    }
  }

  /** Repeats a request that gets no answer, or 503. Returns undefined for one of these statuses, or else the reason. */
  async #retry(
    method: string,
    body: string | Uint8Array | undefined,
    wanted: readonly number[],
  ): Promise<string | undefined> {
    for (let waited = 0; ; waited += pause) {
      let answer: string
      try {
        const { status, content } = await this.#ask(method, body)
        if (wanted.includes(status)) return undefined
        answer = `${status} ${content}`
        // Only what was answered by 503 is known not to be taken; the first GET is for the caller to repeat.
        if (status !== 503 || this.readyState !== 1) waited = longestOutage
      } catch (error) {
        answer = String(error)
        if (method === 'POST' || this.readyState !== 1) waited = longestOutage
      }
      if (waited >= longestOutage) return `${method} ${this.#url.pathname}: ${answer}`
      await sleep(pause)
    }
  }

  /** Sends a request. Resolves at the end of the response; a stream's content is handed out meanwhile. */
  async #ask(method: string, body?: string | Uint8Array): Promise<{ status: number; content: string }> {
    const headers = {
      ...this.#options.headers,
      ...(this.#last !== undefined && { 'last-event-id': this.#last }),
      ...(body !== undefined && { 'content-type': 'application/x-ndjson' }),
    }
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const sent = request(this.#url, { method, headers, agent: this.#agent }, resolve)
      sent.on('error', reject)
      if (method === 'GET') this.#get = sent
      sent.end(body)
    })
    const status = response.statusCode ?? 0
    if (method !== 'GET' || status !== 200) return { status, content: await text(response) }
    const type = response.headers['content-type'] ?? ''
    if (!/^text\/event-stream\b/.test(type)) return { status: 0, content: `content type ${type}` }
    await this.#stream(response)
    return { status, content: '' }
  }

  /** Reads a response to its end, be it cut or not. */
  async #stream(response: IncomingMessage): Promise<void> {
    this.#response = response
    if (this.#paused) response.pause()
    let rest = ''
    response.setEncoding('utf8').on('data', (chunk: string) => {
      const blocks = (rest + chunk).split('\n\n')
      rest = blocks.pop() ?? ''
      try {
        for (const block of blocks) if (this.readyState < 2) this.#take(block)
      } catch (error) {
        this.#end(1006, (error as Error).message)
      }
    })
    response.on('error', () => {})
    await new Promise((resolve) => response.once('close', resolve))
    this.#response = undefined
    this.#wasCut = !response.complete
  }

  /** @throws Error if the block is not in the format */
  #take(block: string): void {
    let event = ''
    let id: string | undefined
    const data: string[] = []
    for (const line of block.split('\n').filter((line) => !line.startsWith(':'))) {
      const [, field, value = ''] = /^(data|event|id): (.*)$/s.exec(line) ?? []
      if (field === 'data') data.push(value)
      else if (field === 'event') event = value
      else if (field === 'id') id = value
      else throw new Error(`not in the format: ${line}`)
    }
    if (event === 'close') {
      const { code, reason } = JSON.parse(data.join('\n')) as { code: number; reason: string }
      this.#end(code, reason)
    } else if (event !== '' || data.length > 0) this.#number(event, id, data)
  }

  #number(event: string, id: string | undefined, data: readonly string[]): void {
    if (id === undefined) throw new Error(`a block without an id: ${event} ${data}`)
    if (event !== '' && event !== 'session') throw new Error(`not in the format: event ${event}`)
    if (event === 'session') {
      // The session before is over, and nobody is in the new one.
      if (this.readyState === 1) throw new Error('the session is over')
      this.readyState = 1
      this.#last = id
      this.emit('open')
      return
    }
    if (numberIn(id) <= numberIn(this.#last ?? '')) throw new Error(`block ${numberIn(id)} came again`)
    this.#last = id
    for (const frame of data) this.emit('message', frame)
  }

  /** Reports the refusal of a session that is not open yet, as `ws` does; else ends the session. */
  #refuse(error: Error): void {
    if (this.readyState === 0) this.emit('error', error)
    if (this.readyState < 2) this.#end(1006, error.message)
  }

  #end(code: number, reason: string): void {
    if (this.readyState === 3) return
    this.readyState = 3
    this.#agent.destroy()
    this.resume()
    this.emit('close', code, reason)
  }
}

function numberIn(id: string): number {
  return Number(id.slice(id.lastIndexOf('.') + 1))
}
