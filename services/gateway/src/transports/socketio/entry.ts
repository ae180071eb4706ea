import { randomBytes } from 'node:crypto'
import { type ErrorCode, RabbleError, type ServerFrames } from '@rabble/contract'
import type { Session } from '../../sessions/session.ts'
import { toJson } from '../frame-json.ts'
import type { SessionHost } from '../transport.ts'
import type { EngineConnection } from './connection.ts'

/** Data of a client that connects. */
export interface Handshake {
  /** From Socket.IO 3 on. `pid` and `offset` are set by the client's library when it connects again. */
  auth: { token?: unknown; name?: unknown; pid?: unknown; offset?: unknown }
  /** Query of the connection. */
  query: { token?: unknown; name?: unknown }
}

/** Argument of `start`, the first event that a client gets. */
export type Start = Pick<ServerFrames['welcome'], 'user' | 'session' | 'limits' | 'token' | 'expiresIn'> & {
  /** Name of the gateway. */
  ipHost: string
  lobby: string
  /** Whether all messages to the lobby since `offset` follow. Absent if the client named none. */
  complete?: boolean
}

/**
 * Says hello for a client, and joins the lobby.
 * @throws RabbleError if the gateway refuses either
 */
export async function enter(
  host: SessionHost,
  session: Session,
  connection: EngineConnection,
  { auth, query }: Handshake,
): Promise<Start> {
  const ask = async <T extends 'welcome' | 'joined'>(frame: object, type: T): Promise<ServerFrames[T]> => {
    const answered = connection.reply(type)
    host.receive(session, toJson(frame, type))
    const reply = await answered
    if (reply === undefined) throw new RabbleError('unavailable', 'the connection has ended')
    const answer = JSON.parse(reply.json.toString()) as ServerFrames[T] | ServerFrames['error']
    if (answer.type !== 'error') return answer as ServerFrames[T]
    throw new RabbleError(answer.code as ErrorCode, answer.message, {
      ...(answer.retryAfter !== undefined && { retryAfter: answer.retryAfter }),
    })
  }

  const { pid } = auth
  const token = auth.token ?? query.token
  const name = auth.name ?? query.name ?? `Guest ${randomBytes(4).toString('hex')}`
  const hello = (by: { token?: unknown; name?: unknown }) => ask({ type: 'hello', ...by }, 'welcome')
  const welcome =
    token === undefined && isToken(pid)
      ? await hello({ token: pid }).catch((error: unknown) => {
          if (error instanceof RabbleError && error.code === 'unauthorized') return hello({ name })
          throw error
        })
      : await hello(token === undefined ? { name } : { token })

  const after = typeof auth.offset === 'string' ? auth.offset : undefined
  const lobby = { type: 'join', room: host.lobby, ...(after === undefined ? { recent: 0 } : { after }) }
  const { complete } = await ask(lobby, 'joined')
  const { user, session: id, limits, token: fresh, expiresIn } = welcome
  return {
    ipHost: host.id,
    user,
    session: id,
    lobby: host.lobby,
    limits,
    ...(fresh !== undefined && { token: fresh }),
    ...(expiresIn !== undefined && { expiresIn }),
    ...(after !== undefined && { complete }),
  }
}

/** Whether a client's `pid` is the token of a guest, not the id of a session. */
function isToken(pid: unknown): pid is string {
  return typeof pid === 'string' && pid.split('.').length === 3
}
