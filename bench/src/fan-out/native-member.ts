import { openEventStreamWire } from './event-stream-wire.ts'
import type { Member, MemberOptions } from './member.ts'
import { openWebSocketWire } from './websocket-wire.ts'
import { startsWith } from './wire.ts'

const message = Buffer.from('{"type":"message"')
const wires = { websocket: openWebSocketWire, sse: openEventStreamWire }

/** Connects a member with the native frames. */
export async function connectNativeMember(
  transport: keyof typeof wires,
  { port, room, name, onMessage, onSent, onFailure }: MemberOptions,
): Promise<Member> {
  let joined = () => {}
  const inRoom = new Promise<void>((resolve) => {
    joined = resolve
  })
  function onFrame(frame: Buffer): void {
    if (startsWith(frame, message)) {
      onMessage()
      return
    }
    const { type, message: reason } = JSON.parse(frame.toString()) as { type: string; message?: string }
    if (type === 'sent') onSent()
    else if (type === 'joined') joined()
    else if (type === 'error') onFailure(reason ?? 'refused')
  }
  const wire = await wires[transport]({ port, path: '/ws', onFrame, onFailure })
  const send = (frame: object) => wire.send(JSON.stringify(frame))
  send({ type: 'hello', name, ref: 'hello' })
  send({ type: 'join', room, recent: 0, ref: 'join' })
  await inRoom
  let last = 0
  return { send: (text) => send({ type: 'send', room, text, cid: `${name}-${++last}`, ref: last }) }
}
