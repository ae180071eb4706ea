import type { ClientFrames, ClientFrameType, User } from '@rabble/contract'
import type { Session } from '../sessions/session.ts'

/** A session whose user is known. */
export type IdentifiedSession = Session & { user: User }

/**
 * Executes one client frame. `Parts` are the parts of the gateway that it uses. The next frame of the session waits for the
 * returned promise.
 * @throws RabbleError, which the client gets as an `error` frame with the frame's `ref`
 */
export type Command<T extends ClientFrameType, Parts> = (
  parts: Parts,
  session: T extends 'hello' ? Session : IdentifiedSession,
  frame: ClientFrames[T],
) => void | Promise<void>

/** Returns the field by which a reply names its request. */
export function withRef<R>(ref: R | undefined): { ref?: R } {
  return ref === undefined ? {} : { ref }
}
