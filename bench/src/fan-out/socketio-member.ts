import type { Member, MemberOptions } from './member.ts'
import { openWebSocketWire } from './websocket-wire.ts'
import { startsWith } from './wire.ts'

const message = Buffer.from('42["event",{"type":"message"')
/** Id of the acknowledgement of `join`. Those of messages are larger. */
const joining = 0

/** Connects a member with Socket.IO over a WebSocket. */
export async function connectSocketIoMember(options: MemberOptions): Promise<Member> {
  const { port, room, name, onMessage, onSent, onFailure } = options
  let joined = () => {}
  const inRoom = new Promise<void>((resolve) => {
    joined = resolve
  })
  function onFrame(frame: Buffer): void {
    if (startsWith(frame, message)) {
      onMessage()
      return
    }
    const packet = frame.toString()
    const [, acknowledged, outcome = ''] = /^43(\d+)\[(.*)/s.exec(packet) ?? []
    if (packet.startsWith('40')) emit(joining, 'join', room)
    else if (packet === '2') wire.send('3')
    else if (packet.startsWith('44') || packet.startsWith('41')) onFailure(packet)
    else if (acknowledged === undefined) return
    else if (!outcome.startsWith('{"ok":true')) onFailure(outcome)
    else if (Number(acknowledged) === joining) joined()
    else onSent()
  }
  const wire = await openWebSocketWire({
    port,
    path: '/socket.io/?EIO=4&transport=websocket',
    onFrame,
    onBytes: options.onBytes,
    onFailure,
  })
  const emit = (id: number, event: string, ...args: string[]) =>
    wire.send(`42${id}${JSON.stringify([event, ...args])}`)
  wire.send(`40${JSON.stringify({ name })}`)
  await inRoom
  let last = joining
  return { send: (text) => emit(++last, 'send', room, text) }
}
