import { randomUUID } from 'node:crypto'
import {
  type ClientFrames,
  directRoom,
  isUserId,
  type MessageEvent,
  RabbleError,
  type User,
} from '@rabble/contract'
import { eventId } from '@rabble/contract/ids'
import { checkWritable } from '../messages/access.ts'
import { checkText, textOf } from '../messages/text.ts'
import type { Session } from '../sessions/session.ts'
import type { Command, Context } from './command.ts'
import { publish } from './publish.ts'

/** Says something, in a room or to a user. */
export const send: Command<'send'> = (context, session, frame) => {
  const { user } = session
  if (user === undefined) return
  session.takeMessage()
  checkText(frame, context.limits)
  checkMeta(frame.meta)
  const room = destination(session, user, frame)
  const checkVoice = () => context.rooms?.policies.checkVoice(user.id, room)
  checkVoice()
  return publish(context, session, createMessage(context, user, room, frame), frame, () => {
    destination(session, user, frame)
    checkVoice()
  })
}

/** Objects and arrays in `meta` may stand in one another so deep: far deeper ones are no JSON for everybody. */
const mostDepth = 32
/** Bytes of `meta`, as JSON. Frames may be larger, but only for texts of which each character is escaped. */
const mostMetaBytes = 16 * 1024

/** @throws RabbleError `too-large` */
export function checkMeta(meta: object | undefined): void {
  if (meta === undefined) return
  checkDepth(meta, 0)
  if (Buffer.byteLength(JSON.stringify(meta)) > mostMetaBytes) {
    throw new RabbleError('too-large', `meta has no more than ${mostMetaBytes} bytes`)
  }
}

function checkDepth(meta: unknown, depth: number): void {
  if (typeof meta !== 'object' || meta === null) return
  if (depth === mostDepth) throw new RabbleError('too-large', `meta is nested no deeper than ${mostDepth}`)
  for (const value of Object.values(meta)) checkDepth(value, depth + 1)
}

/** The room that the message goes to, if this session may send there. */
function destination(session: Session, user: User, { room, to }: ClientFrames['send']): string {
  if ((room === undefined) === (to === undefined)) {
    throw new RabbleError('bad-frame', 'send: needs either room or to')
  }
  if (to !== undefined) {
    if (!isUserId(to)) throw new RabbleError('bad-frame', 'send: to must be the id of a user')
    return directRoom(user.id, to)
  }
  const name = room ?? ''
  checkWritable(name, user, session)
  return name
}

/** `context`: of the gateway that takes it. */
export function createMessage(
  context: Pick<Context, 'id' | 'clock'>,
  user: User,
  room: string,
  frame: Pick<ClientFrames['send'], 'text' | 'cid' | 'replyTo' | 'meta'>,
): MessageEvent {
  const { cid, replyTo, meta } = frame
  return {
    type: 'message',
    room,
    id: eventId(user.id, room, cid ?? randomUUID()),
    ...(cid !== undefined && { cid }),
    from: user,
    text: textOf(frame),
    at: new Date(context.clock.now()).toISOString(),
    via: context.id,
    ...(replyTo !== undefined && { replyTo }),
    ...(meta !== undefined && { meta }),
  }
}
