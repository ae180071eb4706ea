import { isUtf8 } from 'node:buffer'
import { type HubMessage, JsonHubProtocol, MessageType, NullLogger } from '@microsoft/signalr'
import { MessagePackHubProtocol } from '@microsoft/signalr-protocol-msgpack'
import { Decoder, encode } from '@msgpack/msgpack'
import { RabbleError } from '@rabble/contract'

/*
 * The hub protocols (dotnet/aspnetcore: src/SignalR/docs/specs/HubProtocol.md). The classes of the official client read and write
 * the messages. They are a client's, so three things are missing that only a server needs, and stand here: the handshake, the two
 * kinds of messages that only servers get, and the close message of MessagePack.
 */

/** A call of a method of the hub. */
export interface Invocation {
  type: MessageType.Invocation | MessageType.StreamInvocation
  target: string
  /** Absent: nobody waits for an answer. */
  invocationId?: string
  arguments: unknown[]
}

/** A message of a client, as far as the hub cares. */
export type ClientMessage =
  | Invocation
  | { type: MessageType.CancelInvocation; invocationId: string }
  | { type: MessageType.Ack | MessageType.Sequence; sequenceId: number }
  | { type: MessageType.Ping | MessageType.Close | MessageType.StreamItem | MessageType.Completion }

export interface HubProtocol {
  readonly name: 'json' | 'messagepack'
  /** Whether messages are bytes and no text. */
  readonly binary: boolean
  /** @throws Error if the data is not one or more whole messages; RabbleError `too-large` if one has more than `maxBytes` */
  parse(data: Buffer, maxBytes: number): ClientMessage[]
  /** Returns the number of messages in data that this protocol has written. */
  count(data: Buffer): number
  write(message: HubMessage): Buffer
  writeClose(error: string | undefined, allowReconnect: boolean): Buffer
}

const recordSeparator = 0x1e
const separator = '\u001e'
/** Version of the hub protocols with stateful reconnects. Clients name it only if they want these. */
export const resumableVersion = 2
/** Highest version. */
const newestVersion = resumableVersion
/** Maximum length of the names of methods and calls. */
const longestName = 128
/** Maximum number of entries of an array or map in MessagePack: its decoder allocates as many as are announced. */
const maxEntries = 64
/** Maximum length of what no method takes: bytes and extension types. */
const maxOther = 64

/** The first message of a client, without what came behind it. */
export type Handshake = { protocol: HubProtocol; version: number; rest: Buffer } | { error: string }

/** Reads the first message of a client. `binary` tells whether the client can be sent bytes. */
export function readHandshake(data: Buffer, binary: boolean): Handshake {
  const end = data.indexOf(recordSeparator)
  if (end === -1) return { error: 'The first message must be a whole handshake.' }
  const { protocol, version } = handshakeOf(data.subarray(0, end))
  if (typeof protocol !== 'string' || typeof version !== 'number') {
    return { error: 'The first message must be a handshake with a protocol and a version.' }
  }
  const known = protocols.get(protocol)
  if (known === undefined) {
    const name = JSON.stringify(protocol.slice(0, longestName)).slice(1, -1)
    return { error: `The protocol '${name}' is not supported.` }
  }
  if (!Number.isInteger(version) || version < 1 || version > newestVersion) {
    return { error: `The server does not support version ${version} of the '${protocol}' protocol.` }
  }
  if (known.binary && !binary) {
    return {
      error: `Cannot use the '${protocol}' protocol on the current transport. The transport does not support 'Binary' transfer format.`,
    }
  }
  return { protocol: known, version, rest: data.subarray(end + 1) }
}

function handshakeOf(data: Buffer): { protocol?: unknown; version?: unknown } {
  try {
    const value: unknown = JSON.parse(data.toString())
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}

/** Returns the answer to a handshake, which is JSON in both protocols. */
export function writeHandshake(error?: string): Buffer {
  return Buffer.from(`${JSON.stringify(error === undefined ? {} : { error })}${separator}`)
}

const officialJson = new JsonHubProtocol()

const json: HubProtocol = {
  name: 'json',
  binary: false,
  parse(data, maxBytes) {
    if (!isUtf8(data)) throw new Error('the text is not UTF-8')
    const records = data.toString().split(separator)
    if (records.pop() !== '') throw new Error('the last message has no end')
    return records.flatMap((record) => {
      checkSize(Buffer.byteLength(record), maxBytes)
      const own = onlyForServers.test(record) ? (JSON.parse(record) as { type?: unknown }) : undefined
      if (own?.type === MessageType.StreamInvocation || own?.type === MessageType.CancelInvocation) {
        return checked(own)
      }
      return known(officialJson.parseMessages(`${record}${separator}`, NullLogger.instance))
    })
  },
  count(data) {
    let count = 0
    for (let at = data.indexOf(recordSeparator); at !== -1; at = data.indexOf(recordSeparator, at + 1))
      count++
    return count
  },
  write: (message) => Buffer.from(officialJson.writeMessage(message)),
  writeClose: (error, allowReconnect) =>
    json.write({ type: MessageType.Close, ...(error !== undefined && { error }), allowReconnect }),
}

/** Finds records that may be of the kinds that the official class ignores, since no client gets them. */
const onlyForServers = /"type"\s*:\s*[45]/

const limits = [maxOther, maxEntries, maxEntries, maxOther] as const
const [maxBinLength, maxArrayLength, maxMapLength, maxExtLength] = limits
const officialMessagePack = new MessagePackHubProtocol({
  maxBinLength,
  maxArrayLength,
  maxMapLength,
  maxExtLength,
})
const decoder = new Decoder(undefined, undefined, undefined, ...limits)

const messagePack: HubProtocol = {
  name: 'messagepack',
  binary: true,
  parse: (data, maxBytes) =>
    [...payloads(data)].flatMap(({ whole, payload }) => {
      checkSize(payload.length, maxBytes)
      const [head = 0, type] = payload
      // An array of up to 15 entries begins with one byte.
      const isShortArray = (head & 0xf0) === 0x90
      if (isShortArray && type === MessageType.StreamInvocation) {
        const [, , invocationId, target, args] = decoder.decode(payload) as unknown[]
        return checked({ type, invocationId, target, arguments: args })
      }
      if (isShortArray && type === MessageType.CancelInvocation) {
        const [, , invocationId] = decoder.decode(payload) as unknown[]
        return checked({ type, invocationId })
      }
      return known(officialMessagePack.parseMessages(bytesOf(whole), NullLogger.instance))
    }),
  count: (data) => [...payloads(data)].length,
  write: (message) => Buffer.from(officialMessagePack.writeMessage(message)),
  // The official class is a client's, which never closes with a reason.
  writeClose(error, allowReconnect) {
    const payload = encode([MessageType.Close, error ?? null, allowReconnect])
    return Buffer.concat([lengthPrefix(payload.length), payload])
  },
}

function checkSize(bytes: number, maxBytes: number): void {
  if (bytes > maxBytes) throw new RabbleError('too-large', `a message has at most ${maxBytes} bytes`)
}

/** Splits data into messages, each with its length before it as a variable-length integer of up to 5 bytes. */
function* payloads(data: Buffer): Generator<{ whole: Buffer; payload: Buffer }> {
  for (let at = 0; at < data.length; ) {
    let length = 0
    let size = 0
    let byte: number
    do {
      byte = data[at + size] ?? 0x80
      if (size === 5 || at + size >= data.length) throw new Error('the length of a message is not valid')
      length += (byte & 0x7f) * 2 ** (7 * size++)
    } while (byte >= 0x80)
    const end = at + size + length
    if (length === 0 || end > data.length) throw new Error('a message is not whole')
    yield { whole: data.subarray(at, end), payload: data.subarray(at + size, end) }
    at = end
  }
}

function lengthPrefix(length: number): Buffer {
  const bytes: number[] = []
  for (let rest = length; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest])
    bytes.push((rest & 0x7f) | 0x80)
  }
}

/** Returns the bytes alone: the memory behind a buffer may hold those of others too. */
function bytesOf(buffer: Buffer): ArrayBuffer {
  return new Uint8Array(buffer).buffer
}

/** Returns what the official classes have read from one message. They leave out what they don't know, which counts like a ping. */
function known(messages: object[]): ClientMessage[] {
  return messages.length === 0 ? [{ type: MessageType.Ping }] : messages.flatMap(checked)
}

/** Returns the message if the hub cares for it. The official classes check only a part of it. @throws Error if it is wrong */
function checked(message: object): ClientMessage[] {
  const {
    type,
    target,
    invocationId,
    arguments: args,
  } = message as Partial<Record<keyof Invocation, unknown>>
  switch (type) {
    case MessageType.Invocation:
    case MessageType.StreamInvocation: {
      const isAsync = type === MessageType.Invocation && invocationId === undefined
      if (!isName(target) || !Array.isArray(args) || !(isAsync || isName(invocationId))) {
        throw new Error('a call is not valid')
      }
      return [{ type, target, arguments: args, ...(!isAsync && { invocationId }) } as Invocation]
    }
    case MessageType.CancelInvocation:
      if (!isName(invocationId)) throw new Error('a cancellation is not valid')
      return [{ type, invocationId }]
    case MessageType.Close:
      return [{ type }]
    case MessageType.Ack:
    case MessageType.Sequence: {
      const { sequenceId } = message as { sequenceId?: unknown }
      if (!Number.isSafeInteger(sequenceId)) throw new Error('a sequence is not valid')
      return [{ type, sequenceId: sequenceId as number }]
    }
    case MessageType.StreamItem:
    case MessageType.Completion:
      // The hub takes no streams, and calls no methods of clients that return something.
      return [{ type }]
    default:
      return [{ type: MessageType.Ping }]
  }
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= longestName
}

const protocols: ReadonlyMap<string, HubProtocol> = new Map(
  [json, messagePack].map((protocol) => [protocol.name, protocol]),
)
export const hubProtocols = [...protocols.values()]
