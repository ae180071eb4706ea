import { type ClientFrames, type Limits, RabbleError, type Ref, roomKind } from '@rabble/contract'
import { type ByteString, bytesOf, joinBytes } from '@rabble/event-log'
import type { Memberships } from '../conversations/memberships.ts'
import { moderator, readable } from '../messages/access.ts'
import type { Metrics } from '../metrics.ts'
import type { HistoryReplay } from '../replay/history-replay.ts'
import type { ReplayBudget } from '../replay/replay-budget.ts'
import type { RoomBuffers } from '../replay/room-buffers.ts'
import type { Rooms } from '../rooms/index.ts'
import type { Claim } from '../rooms/seats.ts'
import type { Reply } from '../sessions/connection.ts'
import type { Hub } from '../sessions/hub.ts'
import { type Command, type IdentifiedSession, withRef } from './command.ts'

export interface JoinParts {
  readonly limits: Limits
  readonly hub: Pick<Hub, 'join' | 'settle'>
  /** Returns the number of users in a room, over all gateways as far as that is known. */
  readonly count: (room: string) => number
  readonly rooms: Pick<Rooms, 'policies' | 'seats'> | undefined
  readonly recent: Pick<RoomBuffers, 'after' | 'newest'>
  /** Undefined without a history service. */
  readonly historyReplay: Pick<HistoryReplay, 'fetch' | 'after'> | undefined
  readonly replays: ReplayBudget
  readonly memberships: Pick<Memberships, 'entered'>
  readonly metrics: Pick<Metrics, 'joins'>
}

const defaultRecent = 50
/** Number of events that are sent when the replay budget allows no more. */
const minEvents = 10

/**
 * Adds the session to a room and sends it the events that it missed. Snapshot and membership are one step of the event loop, so
 * no event is missing or sent twice between `events` and the live events.
 */
export const join: Command<'join', JoinParts> = async (parts, session, frame) => {
  const { room } = frame
  const { rooms, limits } = parts
  const { user } = session
  const { kind } = readable(room, user)
  parts.replays.check(session.sharers)
  if (session.rooms.size >= limits.roomsPerSession && !session.rooms.has(room)) {
    throw new RabbleError('too-large', `a session may be in ${limits.roomsPerSession} rooms at a time`)
  }
  // The rooms of a user are entered by hello, and a member of a room has a seat already: joining only replays.
  if (rooms === undefined || kind !== 'room' || session.rooms.has(room)) {
    return enter(parts, session, frame)
  }
  await rooms.policies.checkEntry(user.id, room)
  const claim = await rooms.seats.claim(room, user, {
    moderator: session.roles.includes(moderator),
    network: session.network,
  })
  try {
    await enter(parts, session, frame, claim)
  } finally {
    claim.release()
  }
}

async function enter(
  parts: JoinParts,
  session: IdentifiedSession,
  frame: ClientFrames['join'],
  claim?: Claim,
): Promise<void> {
  const { user } = session
  const { room, after, ref } = frame
  const capacity = claim === undefined ? parts.rooms?.policies.room(room)?.capacity : claim.capacity
  const { hub, rooms, recent, historyReplay, replays, limits, metrics } = parts
  // One replay at a time, so that a client that does not read cannot pile them up.
  await session.connection.drained(limits.unsentBytes)
  if (after !== undefined && recent.after(room, after) === undefined) {
    await historyReplay?.fetch(room, after, user, session.sharers)
  }
  const own = roomKind(room)?.kind === 'room'
  // A ban may have come while this join waited. It has removed members already; others are checked here.
  if (own && !session.rooms.has(room)) await rooms?.policies.checkEntry(user.id, room)
  if (session.closed) return
  claim?.check()
  // Other sessions may have been served meanwhile.
  replays.check(session.sharers)
  if (own) {
    hub.join(session, room)
    parts.memberships.entered(session, room)
  } else hub.settle(room)

  const missed =
    after === undefined ? undefined : (recent.after(room, after) ?? historyReplay?.after(room, after))
  const newest = recent.newest(room, frame.recent ?? defaultRecent)
  // If the event `after` is not known, the client gets the newest events, and `complete` is false.
  const complete = after === undefined ? newest.complete : missed !== undefined
  const lines = (missed ?? newest.lines).filter((line) => line !== '')
  const count = parts.count(room)
  const bytes = lines.reduce((sum, { length }) => sum + length + 1, 0)
  const fits = replays.hold(session.sharers, bytes, () => session.connection.drained(0))
  metrics.joins.inc({
    kind: after === undefined ? 'new' : 'resumed',
    recent: complete && fits ? 'hit' : 'miss',
  })
  const events = fits ? lines : lines.slice(-minEvents)
  const joined = joinedReply(ref, room, events, { complete: complete && fits, count, capacity })
  replays.spend(session.sharers, joined.json.length)
  session.replay(joined)
}

/** Builds a `joined` frame. The lines are JSON as it is in the log, one character per byte. They are not parsed. */
function joinedReply(
  ref: Ref | undefined,
  room: string,
  lines: readonly ByteString[],
  more: { complete: boolean; count: number; capacity: number | undefined },
): Reply {
  const head = JSON.stringify({ type: 'joined', ...withRef(ref), room }).slice(0, -1)
  const json = Buffer.concat([
    Buffer.from(`${head},"events":[`),
    bytesOf(joinBytes(lines, ',')),
    Buffer.from(`],${JSON.stringify(more).slice(1)}`),
  ])
  return { type: 'joined', ref, json }
}
