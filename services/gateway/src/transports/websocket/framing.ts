import { FrameError, parseClientFrame } from '@rabble/contract/parse'
import type { Codec } from '../../sessions/connection.ts'
import { slide } from '../../sessions/shared-window.ts'
import { encodeCompressedFrames, encodeTextFrames } from '../web-socket-frames.ts'
import { deflate } from './deflate.ts'

/** Encodes JSON texts as WebSocket text frames. */
export const webSocketCodec: Codec = {
  name: 'websocket',
  decode(data) {
    if (typeof data !== 'string') throw new FrameError('frames are text, not binary')
    return parseClientFrame(data)
  },
  encodeEvents: encodeTextFrames,
  encodeReply: ({ json }) => encodeTextFrames([json]),
}

/** Maximum size (bytes) of a reply that is compressed. Nothing else happens in this process meanwhile, for up to a millisecond. */
const maxReply = 64 * 1024

/**
 * Encodes JSON texts as WebSocket text frames, and compresses events of rooms. Of the replies it compresses only `joined`, which holds
 * such events. Others may hold secrets of the client, such as its token, beside texts of others: the length of compressed bytes would
 * reveal whether they are alike.
 */
export const compressingCodec: Codec = {
  ...webSocketCodec,
  name: 'websocket+deflate',
  compressEvents(events, window = Buffer.alloc(0)) {
    let before = window
    const payloads = events.map((event) => {
      const payload = deflate(event, before)
      before = slide(before, [event])
      return payload
    })
    return encodeCompressedFrames(payloads)
  },
  encodeReply: ({ type, json }) =>
    type === 'joined' && json.length <= maxReply
      ? encodeCompressedFrames([deflate(json)])
      : encodeTextFrames([json]),
}
