import {
  everybody,
  isRoomName,
  isUserId,
  isUserName,
  type Limits,
  type MessageEvent,
  type NotifyRequest,
  RabbleError,
  systemUser,
  type User,
  userRoom,
} from '@rabble/contract'
import { noticeId } from '@rabble/contract/ids'
import { parseWorkerRequest } from '@rabble/contract/parse'
import { readable } from '../messages/access.ts'
import { checkMeta, createMessage, type Taker as MessageTaker } from '../messages/message.ts'
import { checkText } from '../messages/text.ts'

/** The gateway that takes a message, and its limits. */
interface Taker extends MessageTaker {
  readonly limits: Limits
}

/**
 * What a program says in a room, as an event. `key` is the cid if it stands outside of the body, in a header.
 * @throws RabbleError `bad-frame`, `forbidden`, `too-large`
 */
export function messageEvent(
  taker: Taker,
  user: User,
  room: string,
  body: unknown,
  key: string | undefined,
): MessageEvent {
  const { as, ...request } = parseWorkerRequest('message', body)
  const cid = cidOf(key, request.cid)
  checkText({ type: 'message', text: request.text }, taker.limits)
  checkMeta(request.meta)
  const { kind } = readable(room, user)
  if (kind === 'everybody' || kind === 'user') {
    throw new RabbleError('forbidden', 'only the system writes there: use POST /api/notify')
  }
  const name = as?.normalize('NFC').trim() ?? user.name
  if (!isUserName(name)) throw new RabbleError('bad-frame', 'message: as must be a name that a user may have')
  return createMessage(taker, { id: user.id, name }, room, withCid(request, cid))
}

/**
 * What the system tells somebody, as an event. `key` is the cid if it stands outside of the body. `publisher` is whose token
 * it came with: cids of different ones have nothing to do with each other. Nobody knows who put it into the queue.
 * @throws RabbleError `bad-frame`, `too-large`
 */
export function noticeEvent(
  taker: Taker,
  body: unknown,
  key: string | undefined,
  publisher?: User,
): MessageEvent {
  const request = parseWorkerRequest('notify', body)
  const cid = cidOf(key, request.cid)
  if ((request.text === undefined) === (request.message === undefined)) {
    throw new RabbleError('bad-frame', 'notify: needs either text or message, which are the same')
  }
  const text = request.text ?? request.message ?? ''
  checkText({ type: 'notify', text }, taker.limits)
  const room = destination(request)
  const event = createMessage(taker, systemUser, room, withCid({ text }, cid))
  if (publisher === undefined || cid === undefined) return event
  return { ...event, id: noticeId(publisher.id, room, cid) }
}

function destination({ user, room }: NotifyRequest): string {
  if (user !== undefined && room !== undefined) {
    throw new RabbleError('bad-frame', 'notify: needs user or room or neither, not both')
  }
  if (user !== undefined) {
    if (!isUserId(user)) throw new RabbleError('bad-frame', 'notify: user must be the id of a user')
    return userRoom(user)
  }
  if (room !== undefined) {
    if (!isRoomName(room)) throw new RabbleError('bad-frame', 'notify: room must be the name of a room')
    return room
  }
  return everybody
}

/** The name of a message, from outside of its body or from within, where the schema has checked it. */
function cidOf(key: string | undefined, cid: string | undefined): string | undefined {
  if (key === undefined) return cid
  if (cid !== undefined && cid !== key) {
    throw new RabbleError('bad-frame', 'the cid in the body is another one than outside of it')
  }
  if (key === '' || [...key].length > 128) {
    throw new RabbleError('bad-frame', 'a cid (Idempotency-Key, message_id) has 1 to 128 characters')
  }
  // Bytes that are no UTF-8 have all become this one: of two such names, the second message would be lost.
  if (key.includes('\ufffd')) {
    throw new RabbleError('bad-frame', 'a cid (Idempotency-Key, message_id) must be well-formed Unicode')
  }
  return key
}

function withCid<Fields extends object>(fields: Fields, cid: string | undefined): Fields & { cid?: string } {
  return { ...fields, ...(cid !== undefined && { cid }) }
}
