import { MessageType } from '@microsoft/signalr'
import type { ServerFrames } from '@rabble/contract'
import type { Codec } from '../../sessions/connection.ts'
import type { HubProtocol } from './hub-protocol.ts'

interface Stream {
  room: string
  /** Whether the client has got what it missed, so that it gets live events too. */
  isLive: boolean
}

/** The streams of events of one client, by the ids of the calls that began them. */
export class Streams {
  readonly #streams = new Map<string, Stream>()

  get size(): number {
    return this.#streams.size
  }

  has(invocationId: string): boolean {
    return this.#streams.has(invocationId)
  }

  add(invocationId: string, room: string): void {
    this.#streams.set(invocationId, { room, isLive: false })
  }

  isLive(invocationId: string): boolean {
    return this.#streams.get(invocationId)?.isLive === true
  }

  /** Removes a stream. Returns its room, if there was one. */
  remove(invocationId: string): string | undefined {
    const stream = this.#streams.get(invocationId)
    this.#streams.delete(invocationId)
    return stream?.room
  }

  /** Returns whether there is a stream of a room. */
  covers(room: string): boolean {
    return [...this.#streams.values()].some((stream) => stream.room === room)
  }

  /** Begins a stream with what the client missed. `after`: whether it asked for all of that. */
  begin(
    protocol: HubProtocol,
    invocationId: string,
    { room, events, complete }: ServerFrames['joined'],
    after: boolean,
  ): Buffer {
    this.#streams.set(invocationId, { room, isLive: true })
    const gap = after && !complete ? [{ type: 'gap', room }] : []
    return Buffer.concat(
      [...gap, ...events].map((event) =>
        protocol.write({ type: MessageType.StreamItem, invocationId, item: JSON.stringify(event) }),
      ),
    )
  }

  /**
   * Returns the codec of the client, in which the events of rooms with streams are items of these and nothing else. All other frames
   * are encoded as by `shared`.
   */
  codec(shared: Codec, protocol: HubProtocol): Codec {
    if (this.#streams.size === 0) return shared
    return {
      ...shared,
      encodeEvents: (lines) => Buffer.concat(lines.flatMap((line) => this.#encode(shared, protocol, line))),
      encodeReply: (reply) => {
        const bytes = shared.encodeReply(reply)
        if (reply.type !== 'left') return bytes
        // The client has left the room, or was removed from it.
        const { room, message } = JSON.parse(reply.json.toString()) as ServerFrames['left']
        const error = `An unexpected error occurred in the stream. HubException: ${message ?? 'you have left the room'}`
        const ends = this.#live(room).map((invocationId) => {
          this.#streams.delete(invocationId)
          return protocol.write({ type: MessageType.Completion, invocationId, error })
        })
        return Buffer.concat([bytes, ...ends])
      },
    }
  }

  #encode(shared: Codec, protocol: HubProtocol, line: Buffer): Buffer[] {
    const item = line.toString()
    const { type, room } = JSON.parse(item) as { type: string; room: string }
    const isEvent = ['message', 'edit', 'delete', 'reaction'].includes(type)
    const ids = isEvent ? this.#live(room) : []
    if (ids.length === 0) return [shared.encodeEvents([line])]
    return ids.map((invocationId) => protocol.write({ type: MessageType.StreamItem, invocationId, item }))
  }

  #live(room: string): string[] {
    return [...this.#streams].flatMap(([id, stream]) => (stream.isLive && stream.room === room ? [id] : []))
  }
}
