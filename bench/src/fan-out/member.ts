import { openEventStreamWire } from './event-stream-wire.ts'
import { openWebSocketWire } from './websocket-wire.ts'
import type { WireName, WireOptions } from './wire.ts'

export interface MemberOptions {
  port: number
  transport: WireName
  room: string
  name: string
  /** Called for each message of the room that arrives. */
  onMessage(): void
  /** Called when one of the member's own messages was acknowledged. */
  onSent(): void
  /** Called if the gateway answers with an error or the connection is closed. */
  onFailure(reason: string): void
}

export interface Member {
  send(text: string): void
}

const message = Buffer.from('{"type":"message"')
const open = { websocket: openWebSocketWire, sse: openEventStreamWire }

/** Connects a member, which parses no message. Resolves once it is in the room. */
export async function connectMember(options: MemberOptions): Promise<Member> {
  const { port, transport, room, name, onFailure } = options
  let joined = () => {}
  const inRoom = new Promise<void>((resolve) => {
    joined = resolve
  })
  const onFrame: WireOptions['onFrame'] = (frame) => {
    if (frame.subarray(0, message.length).equals(message)) {
      options.onMessage()
      return
    }
    const { type, message: reason } = JSON.parse(frame.toString()) as { type: string; message?: string }
    if (type === 'sent') options.onSent()
    else if (type === 'joined') joined()
    else if (type === 'error') onFailure(reason ?? 'refused')
  }
  const wire = await open[transport]({ port, onFrame, onFailure })
  const send = (frame: object) => wire.send(JSON.stringify(frame))
  send({ type: 'hello', name, ref: 'hello' })
  send({ type: 'join', room, recent: 0, ref: 'join' })
  await inRoom
  let last = 0
  return { send: (text) => send({ type: 'send', room, text, cid: `${name}-${++last}`, ref: last }) }
}
