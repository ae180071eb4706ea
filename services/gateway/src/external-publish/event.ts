import {
  type DeleteEvent,
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
import { deleteId, noticeId } from '@rabble/contract/ids'
import { parseWorkerRequest } from '@rabble/contract/parse'
import type { Identity } from '@rabble/service'
import { moderator, readable } from '../messages/access.ts'
import { checkMentions } from '../messages/mentions.ts'
import { checkMeta, createMessage, type Taker as MessageTaker } from '../messages/message.ts'
import { checkText } from '../messages/text.ts'
import type { PublishHost } from './publishing.ts'

/** The gateway that accepts a message, and its limits. */
interface Taker extends MessageTaker {
  readonly limits: Limits
}

/**
 * Returns a program's message in a room as an event. `key` is a cid from outside of the body, such as a header.
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
  checkMentions({ type: 'message', ...request }, room)
  const { kind } = readable(room, user)
  if (kind === 'everybody' || kind === 'user') {
    throw new RabbleError('forbidden', 'only the system writes there: use POST /api/notify')
  }
  const name = as?.normalize('NFC').trim() ?? user.name
  if (!isUserName(name)) throw new RabbleError('bad-frame', 'message: as must be a name that a user may have')
  return createMessage(taker, { id: user.id, name }, room, withCid(request, cid))
}

/**
 * Returns a notification from the system as an event. `key` is a cid from outside of the body. `publisher` is the user of the
 * token: equal cids of different publishers are independent. The publisher of a notification in the queue is unknown.
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

/**
 * Returns the deletion of a message by a program, as an event. `isStored`: the message is deleted already.
 * @throws RabbleError `bad-frame`, `forbidden`, `message-not-found`, `unavailable`
 */
export async function deletionEvent(
  taker: MessageTaker & Pick<PublishHost, 'find'>,
  { user, roles }: Pick<Identity, 'user' | 'roles'>,
  room: string,
  id: string,
): Promise<{ event: DeleteEvent; isStored: boolean }> {
  const { kind } = readable(room, user)
  if (kind === 'everybody' || kind === 'user') {
    throw new RabbleError('forbidden', 'notices of the system can’t be deleted')
  }
  const message = await taker.find(room, id, user)
  const own = message.from.id === user.id
  if (!own && !roles.includes(moderator)) {
    throw new RabbleError('forbidden', 'only its author and moderators may delete a message')
  }
  const event: DeleteEvent = {
    type: 'delete',
    room,
    id: deleteId(room, message.id),
    message: message.id,
    from: user,
    ...(!own && { moderator: true as const }),
    at: new Date(taker.clock.now()).toISOString(),
    via: taker.id,
  }
  return { event, isStored: message.deleted !== undefined }
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

/** Returns the cid from outside of the body, or the one in the body, which the schema has checked. */
function cidOf(key: string | undefined, cid: string | undefined): string | undefined {
  if (key === undefined) return cid
  if (cid !== undefined && cid !== key) {
    throw new RabbleError('bad-frame', 'the cid in the body differs from the one outside of it')
  }
  if (key === '' || [...key].length > 128) {
    throw new RabbleError('bad-frame', 'a cid (Idempotency-Key, message_id) has 1 to 128 characters')
  }
  // All bytes that are not valid UTF-8 have become this character. Two such cids could be equal, and the second message lost.
  if (key.includes('\ufffd')) {
    throw new RabbleError('bad-frame', 'a cid (Idempotency-Key, message_id) must be well-formed Unicode')
  }
  return key
}

function withCid<Fields extends object>(fields: Fields, cid: string | undefined): Fields & { cid?: string } {
  return { ...fields, ...(cid !== undefined && { cid }) }
}
