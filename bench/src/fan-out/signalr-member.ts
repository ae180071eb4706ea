import type { Member, MemberOptions } from './member.ts'
import { openWebSocketWire } from './websocket-wire.ts'
import { startsWith } from './wire.ts'

const separator = '\u001e'
const separatorByte = 0x1e
const received = Buffer.from('{"type":1,"target":"ReceiveMessage"')
/** Id of the call that joins the room. Those of messages are numbers. */
const joining = 'join'

/** Connects a member as a page with the SignalR client does: JSON over a WebSocket, and the methods of chat rooms. */
export async function connectSignalrMember(options: MemberOptions): Promise<Member> {
  const { port, room, name, onMessage, onSent, onFailure } = options
  let joined = () => {}
  const inRoom = new Promise<void>((resolve) => {
    joined = resolve
  })
  function take(record: Buffer): void {
    if (startsWith(record, received)) {
      onMessage()
      return
    }
    const { type, invocationId, error } = JSON.parse(record.toString()) as {
      type?: number
      invocationId?: string
      error?: string
    }
    if (error !== undefined) onFailure(error)
    else if (type === 3 && invocationId === joining) joined()
    else if (type === 3) onSent()
  }
  function onFrame(frame: Buffer): void {
    let start = 0
    for (let end = frame.indexOf(separatorByte); end !== -1; end = frame.indexOf(separatorByte, start)) {
      take(frame.subarray(start, end))
      start = end + 1
    }
  }
  const wire = await openWebSocketWire({
    port,
    path: '/chathub',
    onFrame,
    onBytes: options.onBytes,
    onFailure,
  })
  const send = (record: object) => wire.send(`${JSON.stringify(record)}${separator}`)
  const call = (invocationId: string, target: string, ...args: string[]) =>
    send({ type: 1, invocationId, target, arguments: args })
  send({ protocol: 'json', version: 1 })
  call(joining, 'JoinChatRoom', room, name)
  await inRoom
  let last = 0
  return { send: (text) => call(String(++last), 'BroadcastUserMessageToChatRoom', text, room, name) }
}
