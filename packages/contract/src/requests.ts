import Type from 'typebox'
import { SendFrame } from './frames.ts'

/*
 * What programs ask of a gateway without being connected. Fields that are not listed are ignored.
 */

const { text, cid, replyTo, meta } = SendFrame.properties

/** Says something in a room, as the user of the token. `as` is another name to show. */
export const MessageRequest = Type.Object({
  text,
  cid,
  replyTo,
  meta,
  as: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
})
export type MessageRequest = Type.Static<typeof MessageRequest>

/** Tells something to one user, to a room or, with neither, to everybody. `message` is another name of `text`. */
export const NotifyRequest = Type.Object({
  user: Type.Optional(Type.String()),
  room: Type.Optional(Type.String()),
  text: Type.Optional(text),
  message: Type.Optional(text),
  cid,
})
export type NotifyRequest = Type.Static<typeof NotifyRequest>

/** Every request by its name, with which error messages begin. */
export const workerRequests = { message: MessageRequest, notify: NotifyRequest } as const
export type WorkerRequests = { [N in keyof typeof workerRequests]: Type.Static<(typeof workerRequests)[N]> }
