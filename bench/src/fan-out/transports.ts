import type { Member, MemberOptions } from './member.ts'
import { connectNativeMember } from './native-member.ts'
import { connectSignalrMember } from './signalr-member.ts'
import { connectSocketIoMember } from './socketio-member.ts'

export const transportNames = ['websocket', 'deflate', 'sse', 'signalr', 'socketio'] as const
export type TransportName = (typeof transportNames)[number]

/** Connects a member, which does as little as possible, and parses no message. Resolves once it is in the room. */
export const connectMember: Readonly<Record<TransportName, (options: MemberOptions) => Promise<Member>>> = {
  websocket: (options) => connectNativeMember('websocket', options),
  deflate: (options) => connectNativeMember('websocket', options, { compressed: true }),
  sse: (options) => connectNativeMember('sse', options),
  signalr: connectSignalrMember,
  socketio: connectSocketIoMember,
}
