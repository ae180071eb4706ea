import { FrameError, parseClientFrame } from '@rabble/contract/parse'
import type { Codec } from '../../sessions/connection.ts'
import { encodeTextFrames } from '../web-socket-frames.ts'

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
