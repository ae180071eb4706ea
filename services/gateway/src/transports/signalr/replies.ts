import type { ServerFrame, ServerFrames } from '@rabble/contract'
import type { Reply } from '../../sessions/connection.ts'

/** Parses a reply. */
export function frameOf({ json }: Reply): ServerFrame {
  return JSON.parse(json.toString()) as ServerFrame
}

/** Parses a reply if it is an error. */
export function errorOf(reply: Reply): ServerFrames['error'] | undefined {
  return reply.type === 'error' ? (frameOf(reply) as ServerFrames['error']) : undefined
}

export function withoutRef(frame: ServerFrame): ServerFrame {
  const { ref, ...rest } = frame as ServerFrame & { ref?: unknown }
  return rest as ServerFrame
}
