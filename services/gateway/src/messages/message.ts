import { randomUUID } from 'node:crypto'
import type { Clock } from '@rabble/clock'
import { type ClientFrames, type MessageEvent, RabbleError, type User } from '@rabble/contract'
import { eventId } from '@rabble/contract/ids'
import { textOf } from './text.ts'

/** Maximum depth of objects and arrays in an application's data: some JSON parsers fail on far deeper ones. */
const maxDepth = 32
/** Maximum size (bytes) of `meta` as JSON. Frames may be larger, but only for texts in which each character is escaped. */
const maxMetaBytes = 16 * 1024

/** @throws RabbleError `too-large` */
export function checkMeta(meta: object | undefined): void {
  checkData('meta', meta, maxMetaBytes)
}

/**
 * Checks the size and depth of an application's data in a field.
 * @throws RabbleError `too-large`
 */
export function checkData(field: string, data: unknown, maxBytes: number): void {
  if (data === undefined) return
  checkDepth(field, data, 0)
  if (Buffer.byteLength(JSON.stringify(data)) > maxBytes) {
    throw new RabbleError('too-large', `${field} has no more than ${maxBytes} bytes`)
  }
}

function checkDepth(field: string, data: unknown, depth: number): void {
  if (typeof data !== 'object' || data === null) return
  if (depth === maxDepth) throw new RabbleError('too-large', `${field} is nested no deeper than ${maxDepth}`)
  for (const value of Object.values(data)) checkDepth(field, value, depth + 1)
}

/** The gateway that takes a message. */
export interface Taker {
  /** The gateway's id, which the message names. */
  readonly id: string
  readonly clock: Pick<Clock, 'now'>
}

/** Returns a user's message in a room as an event, with an id that is derived from its `cid`. */
export function createMessage(
  taker: Taker,
  user: User,
  room: string,
  frame: Pick<ClientFrames['send'], 'text' | 'cid' | 'replyTo' | 'meta' | 'mentions'>,
): MessageEvent {
  const { cid, replyTo, meta, mentions } = frame
  return {
    type: 'message',
    room,
    id: eventId(user.id, room, cid ?? randomUUID()),
    ...(cid !== undefined && { cid }),
    from: user,
    text: textOf(frame),
    at: new Date(taker.clock.now()).toISOString(),
    via: taker.id,
    ...(replyTo !== undefined && { replyTo }),
    ...(meta !== undefined && { meta }),
    ...(mentions !== undefined && mentions.length > 0 && { mentions }),
  }
}
