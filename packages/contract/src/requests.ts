import { SendFrame } from './frames.ts'
import { Type } from './typebox.ts'

/* Requests of programs to a gateway without a connection. Unlisted fields are ignored. */

const { text, cid, replyTo, meta, mentions } = SendFrame.properties

/** Sends a message to a room as the user of the token. `as` is another name to show. */
export const MessageRequest = Type.Object({
  text,
  cid,
  replyTo,
  meta,
  mentions,
  as: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
})
export type MessageRequest = Type.Static<typeof MessageRequest>

/** Sends a notice to one user, to a room or, with neither, to all users. `message` is an alias of `text`. */
export const NotifyRequest = Type.Object({
  user: Type.Optional(Type.String()),
  room: Type.Optional(Type.String()),
  text: Type.Optional(text),
  message: Type.Optional(text),
  cid,
})
export type NotifyRequest = Type.Static<typeof NotifyRequest>

/** Requests by name. Error messages begin with the name. */
export const workerRequests = { message: MessageRequest, notify: NotifyRequest } as const
export type WorkerRequests = { [N in keyof typeof workerRequests]: Type.Static<(typeof workerRequests)[N]> }
