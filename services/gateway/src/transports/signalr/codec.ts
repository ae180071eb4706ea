import { MessageType } from '@microsoft/signalr'
import type { ServerFrame } from '@rabble/contract'
import { FrameError, parseClientFrame } from '@rabble/contract/parse'
import type { Codec, Reply } from '../../sessions/connection.ts'
import type { Calls } from './calls.ts'
import { type HubProtocol, hubProtocols } from './hub-protocol.ts'

/**
 * How a client gets events: as calls of `ReceiveMessage` with user, text and gateway (`plain`), or with one text (`rooms`); or whole,
 * as calls of `Event` (`events`). A client that is not known yet gets none (`none`).
 */
export type Flavour = 'none' | 'plain' | 'rooms' | 'events'

export interface Codecs {
  of(protocol: HubProtocol, flavour: Flavour): Codec
  /** The codec of connections that have no protocol yet. */
  readonly opening: Codec
}

export const nothing = Buffer.alloc(0)

/**
 * Creates the codecs of this transport: one for each protocol and flavour, so that events are encoded once for all clients that get
 * the same. The hub hands frames of the native protocol to the core, each with the number of a call as its `ref`. So a codec knows
 * which call a reply belongs to, and the call knows its client.
 */
export function createCodecs(calls: Calls): Codecs {
  const codecs = new Map<string, Codec>()
  const opening = createCodec('signalr opening', calls, () => undefined)
  for (const protocol of hubProtocols) {
    for (const flavour of ['plain', 'rooms', 'events'] as const) {
      const name = `signalr ${protocol.name} ${flavour}`
      const encode = (json: Buffer) => {
        const call = callOf(json, flavour)
        return call && protocol.write({ type: MessageType.Invocation, ...call })
      }
      codecs.set(name, createCodec(name, calls, encode))
    }
  }
  return {
    opening,
    of: (protocol, flavour) => codecs.get(`signalr ${protocol.name} ${flavour}`) ?? opening,
  }
}

function createCodec(name: string, calls: Calls, encode: (json: Buffer) => Buffer | undefined): Codec {
  return {
    name,
    decode(data) {
      if (typeof data !== 'string') throw new FrameError('frames are text, not binary')
      return parseClientFrame(data)
    },
    encodeEvents(lines) {
      if (lines.length === 1 && lines[0] !== undefined) return encode(lines[0]) ?? nothing
      return Buffer.concat(lines.flatMap((line) => encode(line) ?? []))
    },
    encodeReply(reply) {
      if (reply.ref !== undefined) return calls.answer(reply)
      return isNotice(reply) ? (encode(reply.json) ?? nothing) : nothing
    },
  }
}

const notices: ReadonlySet<string> = new Set([
  ...['reconnect', 'left', 'conversation', 'mention'],
  ...['people', 'privacy'],
])

/** Whether a frame for one client is no reply. */
function isNotice({ type }: Reply): boolean {
  return notices.has(type)
}

/** Returns the call of a client's method that hands over a frame; undefined if clients of this flavour are not told. */
function callOf(
  json: Buffer,
  flavour: Exclude<Flavour, 'none'>,
): { target: string; arguments: unknown[] } | undefined {
  if (flavour === 'events') return { target: 'Event', arguments: [json.toString()] }
  const frame = JSON.parse(json.toString()) as ServerFrame
  if (frame.type !== 'message') return undefined
  const { from, text, via } = frame
  return {
    target: 'ReceiveMessage',
    arguments: flavour === 'rooms' ? [`${from.name}: ${text}`] : [from.name, text, via],
  }
}
