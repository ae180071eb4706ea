import { constants, inflateRawSync } from 'node:zlib'
import { openEventStreamWire } from './event-stream-wire.ts'
import type { Member, MemberOptions } from './member.ts'
import { openWebSocketWire } from './websocket-wire.ts'
import { startsWith } from './wire.ts'

const message = Buffer.from('{"type":"message"')
/** A compressed frame is not the end of what is compressed (RFC 7692, section 7.2.2). */
const flush = { finishFlush: constants.Z_SYNC_FLUSH }
const wires = { websocket: openWebSocketWire, sse: openEventStreamWire }

/** Connects a member with the native frames. */
export async function connectNativeMember(
  transport: keyof typeof wires,
  { port, room, name, onMessage, onBytes, onSent, onFailure }: MemberOptions,
  { compressed = false } = {},
): Promise<Member> {
  let joined = () => {}
  const inRoom = new Promise<void>((resolve) => {
    joined = resolve
  })
  let isJoined = false
  function onFrame(bytes: Buffer, isCompressed: boolean): void {
    // Only `joined` and events are compressed. To inflate each event would cost more than all else here.
    const frame = isCompressed && !isJoined ? inflateRawSync(bytes, flush) : bytes
    if (isJoined && (isCompressed || startsWith(frame, message))) {
      onMessage()
      return
    }
    const { type, message: reason } = JSON.parse(frame.toString()) as { type: string; message?: string }
    if (type === 'sent') onSent()
    else if (type === 'joined') {
      if (compressed && !isCompressed) onFailure('the gateway does not compress')
      isJoined = true
      joined()
    } else if (type === 'error') onFailure(reason ?? 'refused')
  }
  const wire = await wires[transport]({ port, path: '/ws', compressed, onFrame, onBytes, onFailure })
  const send = (frame: object) => wire.send(JSON.stringify(frame))
  send({ type: 'hello', name, ref: 'hello' })
  send({ type: 'join', room, recent: 0, ref: 'join' })
  await inRoom
  let last = 0
  return { send: (text) => send({ type: 'send', room, text, cid: `${name}-${++last}`, ref: last }) }
}
