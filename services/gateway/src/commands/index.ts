import { type ClientFrame, type ClientFrameType, RabbleError } from '@rabble/contract'
import { FrameError } from '@rabble/contract/parse'
import type { Logger, Tracing } from '@rabble/service'
import type { People } from '../conversations/people.ts'
import type { Metrics } from '../metrics.ts'
import type { Session } from '../sessions/session.ts'
import { away } from './away.ts'
import type { Command, IdentifiedSession } from './command.ts'
import { conversations } from './conversations.ts'
import { remove } from './delete.ts'
import { edit } from './edit.ts'
import { gateways } from './gateways.ts'
import { hello } from './hello.ts'
import { join } from './join.ts'
import { leave } from './leave.ts'
import { members } from './members.ts'
import { mute } from './mute.ts'
import { people } from './people.ts'
import { ping } from './ping.ts'
import { privacy } from './privacy.ts'
import { react } from './react.ts'
import { read } from './read.ts'
import { receipts } from './receipts.ts'
import { refresh } from './refresh.ts'
import { send } from './send.ts'
import { signal } from './signal.ts'
import { typing } from './typing.ts'
import { watch } from './watch.ts'

/** All commands, each with the rate limit of the session that it counts against. */
const commands = {
  hello: { cost: 'frame', run: hello },
  refresh: { cost: 'frame', run: refresh },
  join: { cost: 'frame', run: join },
  leave: { cost: 'frame', run: leave },
  send: { cost: 'message', run: send },
  edit: { cost: 'message', run: edit },
  delete: { cost: 'message', run: remove },
  react: { cost: 'message', run: react },
  typing: { cost: 'frame', run: typing },
  signal: { cost: 'frame', run: signal },
  members: { cost: 'frame', run: members },
  gateways: { cost: 'frame', run: gateways },
  conversations: { cost: 'frame', run: conversations },
  watch: { cost: 'frame', run: watch },
  read: { cost: 'frame', run: read },
  mute: { cost: 'frame', run: mute },
  receipts: { cost: 'frame', run: receipts },
  privacy: { cost: 'frame', run: privacy },
  people: { cost: 'frame', run: people },
  away: { cost: 'frame', run: away },
  ping: { cost: 'frame', run: ping },
} satisfies { [T in ClientFrameType]: { cost: 'frame' | 'message'; run: Command<T, never> } }

/** Frames that show that the user is doing something. */
const acts: ReadonlySet<ClientFrameType> = new Set([
  ...(['hello', 'join', 'send', 'edit', 'delete', 'react', 'typing', 'signal', 'read'] as const),
  'away',
])

type AnyCommand = (typeof commands)[ClientFrameType]['run']

/** All parts of the gateway that the commands use. */
export type CommandParts = ([AnyCommand] extends [(parts: infer Parts, ...rest: never) => unknown]
  ? Parts
  : never) & {
  metrics: Pick<Metrics, 'frames' | 'refused'>
  people: Pick<People, 'acted'>
  logger: Logger
  tracing?: Tracing | undefined
}

/** Decodes and executes one frame of a session. Never throws or rejects: the client gets the errors. */
export function execute(parts: CommandParts, session: Session, data: string | Buffer): void | Promise<void> {
  let frame: ClientFrame | undefined
  const refuse = (error: unknown) => {
    const refusal = error instanceof RabbleError ? error : undefined
    if (refusal === undefined) parts.logger.error({ err: error, frame: frame?.type }, 'a command failed')
    const answer = refusal ?? new RabbleError('unavailable', 'the command failed', { cause: error })
    parts.metrics.refused.inc({ code: answer.code })
    session.refuse(answer, frame?.ref ?? (error instanceof FrameError ? error.ref : undefined))
  }
  try {
    frame = session.connection.codec.decode(data)
    const { cost, run } = commands[frame.type]
    if (cost === 'frame') session.takeFrame()
    parts.metrics.frames.inc({ type: frame.type })
    if (acts.has(frame.type)) parts.people.acted(session)
    if (session.user === undefined && frame.type !== 'hello') {
      throw new RabbleError('unauthorized', 'say hello first')
    }
    if (cost === 'message') session.takeMessage()
    // The table pairs each type with the command for its frames. TypeScript cannot follow that for a frame of any type.
    const command = run as Command<ClientFrameType, CommandParts>
    const { tracing } = parts
    if (tracing === undefined || cost === 'frame') {
      return command(parts, session as IdentifiedSession, frame as never)?.catch(refuse)
    }
    const span = tracing.begin(frame.type, 'server', { 'rabble.transport': session.transport })
    return tracing
      .during(span, () => command(parts, session as IdentifiedSession, frame as never))
      ?.catch(refuse)
  } catch (error) {
    refuse(error)
  }
}
