import { type ClientFrame, RabbleError } from '@rabble/contract'
import { FrameError, parseClientFrame } from '@rabble/contract/parse'
import type { Session } from '../sessions/session.ts'
import type { Context } from './command.ts'
import { conversations } from './conversations.ts'
import { remove } from './delete.ts'
import { edit } from './edit.ts'
import { gateways } from './gateways.ts'
import { hello } from './hello.ts'
import { join } from './join.ts'
import { leave } from './leave.ts'
import { members } from './members.ts'
import { ping } from './ping.ts'
import { refresh } from './refresh.ts'
import { send } from './send.ts'
import { typing } from './typing.ts'

export type { Context } from './command.ts'

/** Carries out one frame of a session; never throws or rejects: what is wrong is told to the client. */
export function execute(context: Context, session: Session, text: string | undefined): void | Promise<void> {
  let frame: ClientFrame | undefined
  const refuse = (error: unknown) => {
    const refusal = error instanceof RabbleError ? error : undefined
    if (refusal === undefined) context.logger.error({ err: error, frame: frame?.type }, 'a command failed')
    const answer = refusal ?? new RabbleError('unavailable', 'this could not be done', { cause: error })
    context.metrics.refused.inc({ code: answer.code })
    session.refuse(answer, frame?.ref ?? (error instanceof FrameError ? error.ref : undefined))
  }
  try {
    if (text === undefined) throw new RabbleError('bad-frame', 'frames are text, not binary')
    frame = parseClientFrame(text)
    // Messages and their changes have a limit of their own.
    if (frame.type !== 'send' && frame.type !== 'edit' && frame.type !== 'delete') session.takeFrame()
    context.metrics.frames.inc({ type: frame.type })
    if (session.user === undefined && frame.type !== 'hello') {
      throw new RabbleError('unauthorized', 'say hello first')
    }
    return run(context, session, frame)?.catch(refuse)
  } catch (error) {
    refuse(error)
  }
}

function run(context: Context, session: Session, frame: ClientFrame): void | Promise<void> {
  switch (frame.type) {
    case 'hello':
      return hello(context, session, frame)
    case 'refresh':
      return refresh(context, session, frame)
    case 'join':
      return join(context, session, frame)
    case 'leave':
      return leave(context, session, frame)
    case 'send':
      return send(context, session, frame)
    case 'edit':
      return edit(context, session, frame)
    case 'delete':
      return remove(context, session, frame)
    case 'typing':
      return typing(context, session, frame)
    case 'members':
      return members(context, session, frame)
    case 'gateways':
      return gateways(context, session, frame)
    case 'conversations':
      return conversations(context, session, frame)
    case 'ping':
      return ping(context, session, frame)
    default:
      return frame satisfies never
  }
}
