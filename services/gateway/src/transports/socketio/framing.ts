import { everybody, type MessageEvent } from '@rabble/contract'
import { FrameError, parseClientFrame } from '@rabble/contract/parse'
import type { Codec, Reply } from '../../sessions/connection.ts'
import { decodeTextFrames, encodeTextFrames } from '../web-socket-frames.ts'

/**
 * Beginnings of packets: `4`, a message of Engine.IO, with `1` (disconnect), `2` (event) or `3` (acknowledgement) of Socket.IO
 * (https://github.com/socketio/socket.io/blob/main/docs/socket.io-protocol/v5-current.md).
 */
const eventStart = Buffer.from('42["event",')
const listEnd = Buffer.from(']')

/** The packet that ends a client's connection for good: its library does not connect again. */
export const disconnectPacket = encodeTextFrames([Buffer.from('41')])

/**
 * Encodes frames as packets of Socket.IO, in WebSocket frames. Messages to the lobby, and the system's messages to a user or to
 * everybody, are `message` events; all else is the argument of an `event` event. The `ref` of a reply is the id of the client's
 * acknowledgement.
 */
export function createSocketIoCodec(lobby: string): Codec {
  const encodeEvents = (frames: readonly Buffer[]) =>
    encodeTextFrames(frames.map((json) => packetOf(json, lobby)))
  return {
    name: 'socketio',
    decode(data) {
      if (typeof data !== 'string') throw new FrameError('frames are text, not binary')
      return parseClientFrame(data)
    },
    encodeEvents,
    encodeReply: (reply) =>
      reply.ref === undefined ? encodeEvents([reply.json]) : encodeTextFrames([acknowledgement(reply)]),
  }
}

/** Encodes an event of any name. */
export function encodeEvent(name: string, argument: object): Buffer {
  return encodeTextFrames([Buffer.from(`42${JSON.stringify([name, argument])}`)])
}

/** Returns an event or a notice, a complete JSON text, as a packet. */
function packetOf(json: Buffer, lobby: string): Buffer {
  const event = JSON.parse(json.toString()) as Partial<MessageEvent>
  const { type, room, text, at, via, id } = event
  const isLobby = room === lobby
  if (type !== 'message' || !(isLobby || room === everybody || room?.startsWith('user:'))) {
    return Buffer.concat([eventStart, json, listEnd])
  }
  const head = `42["message",${JSON.stringify({ text, date: at, ip: via })},`
  // The library of a client keeps a text at the end, and sends it as `offset` when it connects again.
  const offset = isLobby ? `,${JSON.stringify(id)}` : ''
  return Buffer.concat([Buffer.from(head), json, Buffer.from(`${offset}]`)])
}

function acknowledgement({ type, ref, json }: Reply): Buffer {
  const start = Buffer.from(`43${ref}[`)
  return type === 'error'
    ? Buffer.concat([start, Buffer.from('{"error":'), json, Buffer.from('}]')])
    : Buffer.concat([start, Buffer.from('{"ok":true,'), json.subarray(1), listEnd])
}

const decoded = new WeakMap<Buffer, readonly string[]>()

/** Returns the packets of Socket.IO in a buffer that the codec encoded. The same buffer, for another client, is read once. */
export function packetsOf(encoded: Buffer): readonly string[] {
  let packets = decoded.get(encoded)
  if (packets === undefined) {
    // The library adds the type of Engine.IO's packet again.
    packets = decodeTextFrames(encoded).map((packet) => packet.slice(1))
    decoded.set(encoded, packets)
  }
  return packets
}
