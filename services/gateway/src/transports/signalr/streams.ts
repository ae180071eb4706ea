import { MessageType } from '@microsoft/signalr'
import type { Codec } from '../../sessions/connection.ts'
import type { HubProtocol } from './hub-protocol.ts'

/** A stream of the events of a room, by the id of the call that began it. */
export interface Stream {
  room: string
}

/**
 * Returns the codec of one client, to which the events of some rooms go as items of streams and nothing else. All other frames are
 * encoded as by `shared`.
 */
export function withStreams(shared: Codec, protocol: HubProtocol, streams: Map<string, Stream>): Codec {
  const of = (room: string) => [...streams].flatMap(([id, stream]) => (stream.room === room ? [id] : []))

  return {
    ...shared,
    encodeEvents(lines) {
      return Buffer.concat(
        lines.flatMap((line) => {
          const item = line.toString()
          const { type, room } = JSON.parse(item) as { type: string; room: string }
          const ids = isEvent(type) ? of(room) : []
          if (ids.length === 0) return [shared.encodeEvents([line])]
          return ids.map((invocationId) =>
            protocol.write({ type: MessageType.StreamItem, invocationId, item }),
          )
        }),
      )
    },
    encodeReply(reply) {
      const bytes = shared.encodeReply(reply)
      if (reply.type !== 'left') return bytes
      // The client has left the room, or was removed from it.
      const { room, message = 'you have left the room' } = JSON.parse(reply.json.toString()) as {
        room: string
        message?: string
      }
      const ends = of(room).map((invocationId) => {
        streams.delete(invocationId)
        return protocol.write({ type: MessageType.Completion, invocationId, error: message })
      })
      return Buffer.concat([bytes, ...ends])
    },
  }
}

function isEvent(type: string): boolean {
  return type === 'message' || type === 'edit' || type === 'delete'
}
