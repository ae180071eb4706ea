import { type ClientSocket, openSocket } from '../web-socket.ts'

/** A connection to one of the compared systems. */
export interface Peer {
  /** Enters a room. Resolves once messages to it arrive. */
  join(room: string): Promise<void>
  send(room: string, text: string): void
  close(): void
}

export interface PeerOptions {
  port: number
  name: string
  /** Called for each frame, or part of one, that may hold a message: in `bytes` from `start` to `end`. */
  onMessage(bytes: Buffer, start: number, end: number): boolean
  onFailure(reason: string): void
}

export type ProtocolName = 'rabble' | 'socketio' | 'nats' | 'websocket'

/** Connects as a client of the system does. Resolves once it may join rooms. */
export const protocols: Readonly<Record<ProtocolName, (options: PeerOptions) => Promise<Peer>>> = {
  rabble: connectRabble,
  socketio: connectSocketIo,
  nats: connectNats,
  websocket: connectWebSocket,
}

/** Waits for answers, which come in the order of the questions. */
class Answers {
  readonly #waiting: ((answer: string) => void)[] = []

  next(): Promise<string> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  take(answer: string): void {
    this.#waiting.shift()?.(answer)
  }
}

async function connectRabble({ port, name, onMessage, onFailure }: PeerOptions): Promise<Peer> {
  const answers = new Answers()
  const sent = Buffer.from('{"type":"sent"')
  const socket = await openSocket({
    port,
    path: '/ws',
    protocol: 'rabble.v1',
    onFailure,
    onFrame(bytes, start, end) {
      if (onMessage(bytes, start, end)) return
      if (bytes.compare(sent, 0, sent.length, start, Math.min(end, start + sent.length)) === 0) return
      const frame = bytes.toString('utf8', start, end)
      const { type, message } = JSON.parse(frame) as { type: string; message?: string }
      if (type === 'error') onFailure(message ?? frame)
      else if (type === 'welcome' || type === 'joined') answers.take(frame)
    },
  })
  const send = (frame: object) => socket.send(JSON.stringify(frame))
  send({ type: 'hello', name, ref: 0 })
  await answers.next()
  let last = 0
  return {
    async join(room) {
      send({ type: 'join', room, recent: 0, ref: 0 })
      await answers.next()
    },
    send: (room, text) => send({ type: 'send', room, text, cid: timedId(name, ++last), ref: last }),
    close: socket.close,
  }
}

/** Returns a UUID of version 7, as the SDK's cids are: RFC 9562. */
function timedId(name: string, number: number): string {
  const time = Date.now().toString(16).padStart(12, '0')
  const tail = Buffer.from(name).toString('hex').slice(-12).padStart(12, '0')
  const count = number.toString(16).padStart(6, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${count.slice(0, 3)}-8${count.slice(3)}-${tail}`
}

async function connectSocketIo({ port, onMessage, onFailure }: PeerOptions): Promise<Peer> {
  const answers = new Answers()
  let socket: ClientSocket | undefined
  socket = await openSocket({
    port,
    path: '/socket.io/?EIO=4&transport=websocket',
    onFailure,
    onFrame(bytes, start, end) {
      if (onMessage(bytes, start, end)) return
      const packet = bytes.toString('utf8', start, end)
      if (packet === '2') socket?.send('3')
      else if (packet.startsWith('44')) onFailure(packet)
      else if (packet.startsWith('40') || packet.startsWith('43')) answers.take(packet)
    },
  })
  const { send, close } = socket
  send('40')
  await answers.next()
  return {
    async join(room) {
      send(`420${JSON.stringify(['join', room])}`)
      await answers.next()
    },
    send: (room, text) => send(`42${JSON.stringify(['message', room, text])}`),
    close,
  }
}

const maxMessage = 1024

/** The text protocol of NATS in binary frames. A frame may hold several messages, and parts of some. */
async function connectNats({ port, onMessage, onFailure }: PeerOptions): Promise<Peer> {
  const answers = new Answers()
  const lineEnd = Buffer.from('\r\n')
  let rest: Buffer = Buffer.alloc(0)
  let socket: ClientSocket | undefined
  socket = await openSocket({
    port,
    path: '/',
    onFailure,
    onFrame(bytes, start, end) {
      const part = bytes.subarray(start, end)
      const all = rest.length === 0 ? part : Buffer.concat([rest, part])
      let at = 0
      for (let line = all.indexOf(lineEnd, at); line !== -1; line = all.indexOf(lineEnd, at)) {
        // M of MSG, the only one that is frequent: its last field is the number of bytes behind the line.
        if (all[at] === 0x4d) {
          const next = line + 2 + Number(all.toString('latin1', all.lastIndexOf(0x20, line) + 1, line)) + 2
          if (next > all.length) break
          if (!onMessage(all, line + 2, next)) onFailure('a message without a text')
          at = next
          continue
        }
        take(all.toString('latin1', at, line))
        at = line + 2
      }
      rest = Buffer.from(all.subarray(at))
      if (rest.length > maxMessage) onFailure('not understood')
    },
  })
  const { send, close } = socket

  function take(line: string): void {
    if (line === 'PING') socket?.send('PONG\r\n')
    else if (line === 'PONG') answers.take(line)
    else if (line.startsWith('-ERR')) onFailure(line)
  }

  const settings = { verbose: false, pedantic: false, echo: true, lang: 'bench', version: '1', protocol: 1 }
  send(`CONNECT ${JSON.stringify(settings)}\r\nPING\r\n`)
  await answers.next()
  return {
    async join(room) {
      send(`SUB ${room} 1\r\nPING\r\n`)
      await answers.next()
    },
    send: (room, text) => send(`PUB ${room} ${text.length}\r\n${text}\r\n`),
    close,
  }
}

async function connectWebSocket({ port, onMessage, onFailure }: PeerOptions): Promise<Peer> {
  const answers = new Answers()
  const { send, close } = await openSocket({
    port,
    path: '/',
    onFailure,
    onFrame(bytes, start, end) {
      if (!onMessage(bytes, start, end)) answers.take(bytes.toString('utf8', start, end))
    },
  })
  return {
    async join(room) {
      send(room)
      await answers.next()
    },
    send: (_room, text) => send(text),
    close,
  }
}
