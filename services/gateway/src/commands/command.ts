import type { Clock } from '@rabble/clock'
import type { ClientFrames, ClientFrameType, Limits } from '@rabble/contract'
import type { EventLog } from '@rabble/event-log'
import type { Logger, Rates, Tokens } from '@rabble/service'
import type { GatewayRegistry } from '../cluster/gateway-registry.ts'
import type { Publisher } from '../log/publisher.ts'
import type { RepeatCheck } from '../log/repeat-check.ts'
import type { Metrics } from '../metrics.ts'
import type { Conversations } from '../replay/conversations.ts'
import type { HistoryReplay } from '../replay/history-replay.ts'
import type { MessageLookup } from '../replay/message-lookup.ts'
import type { ReplayBudget } from '../replay/replay-budget.ts'
import type { RoomBuffers } from '../replay/room-buffers.ts'
import type { Rooms } from '../rooms/index.ts'
import type { Hub } from '../sessions/hub.ts'
import type { Session } from '../sessions/session.ts'

/** What commands work with. */
export interface Context {
  /** The gateway's id: a new one at each start. */
  readonly id: string
  readonly limits: Limits
  /** `guest`: a name is enough; `jwt`: a token only. */
  readonly auth: 'guest' | 'jwt'
  /** Guests without a token that each address may bring. */
  readonly newGuests: Rates
  readonly hub: Hub
  readonly gateways: Pick<GatewayRegistry, 'list'>
  /** Absent where each gateway is alone. */
  readonly rooms: Rooms | undefined
  readonly recent: RoomBuffers
  /** Absent where there is no history to ask. */
  readonly historyReplay: HistoryReplay | undefined
  readonly lookup: MessageLookup
  readonly repeats: RepeatCheck
  readonly conversations: Conversations
  readonly replays: ReplayBudget
  readonly publisher: Publisher
  readonly log: Pick<EventLog, 'signal'>
  readonly tokens: Tokens
  readonly clock: Clock
  readonly metrics: Metrics
  readonly logger: Logger
}

/**
 * Carries out one client frame. The next frame of the session waits for what it returns.
 * @throws RabbleError, which the client gets as an `error` frame with the frame's `ref`
 */
export type Command<T extends ClientFrameType> = (
  context: Context,
  session: Session,
  frame: ClientFrames[T],
) => void | Promise<void>

/** The field by which a reply names its request. */
export function withRef<R>(ref: R | undefined): { ref?: R } {
  return ref === undefined ? {} : { ref }
}
