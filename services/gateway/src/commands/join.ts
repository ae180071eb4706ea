import { type ClientFrames, RabbleError, type Ref, roomKind, type User } from '@rabble/contract'
import { moderator, readable } from '../messages/access.ts'
import type { Claim } from '../rooms/seats.ts'
import type { Session } from '../sessions/session.ts'
import { type Command, type Context, withRef } from './command.ts'

const defaultRecent = 50
/** Events that are sent when there is no room for more. */
const fewest = 10

/**
 * Takes the session into a room and hands it what it missed. Snapshot and membership are one step of the event loop, so
 * nothing is missing and nothing comes twice between `events` and what follows.
 */
export const join: Command<'join'> = async (context, session, frame) => {
  const { room } = frame
  const { rooms, limits } = context
  const { user } = session
  if (user === undefined) return
  const { kind } = readable(room, user)
  context.replays.check(session.sharers)
  if (session.rooms.size >= limits.roomsPerSession && !session.rooms.has(room)) {
    throw new RabbleError('too-large', `a session may be in ${limits.roomsPerSession} rooms at a time`)
  }
  // Rooms of users are entered by saying hello, and who is in a room already has a seat: joining only replays.
  if (rooms === undefined || kind !== 'room' || session.rooms.has(room)) {
    return enter(context, session, user, frame)
  }
  await rooms.policies.checkEntry(user.id, room)
  const claim = await rooms.seats.claim(room, user, {
    moderator: session.roles.includes(moderator),
    network: session.network,
  })
  try {
    await enter(context, session, user, frame, claim)
  } finally {
    claim.release()
  }
}

async function enter(
  context: Context,
  session: Session,
  user: User,
  frame: ClientFrames['join'],
  claim?: Claim,
): Promise<void> {
  const { room, after, ref } = frame
  const capacity = claim === undefined ? context.rooms?.policies.room(room)?.capacity : claim.capacity
  const { hub, rooms, recent, limits, metrics } = context
  // One replay at a time: a client that doesn't read them can't pile them up.
  await session.connection.drained(limits.unsentBytes)
  if (after !== undefined && recent.after(room, after) === undefined) {
    await context.historyReplay?.fetch(room, after, user, session.sharers)
  }
  const own = roomKind(room)?.kind === 'room'
  // A ban may have come while this join waited. Who has been in all the while was put out by it.
  if (own && !session.rooms.has(room)) await rooms?.policies.checkEntry(user.id, room)
  if (session.closed) return
  claim?.check()
  // Other sessions may have been served meanwhile.
  context.replays.check(session.sharers)
  if (own) hub.join(session, room)
  else hub.settle(room)

  const missed =
    after === undefined ? undefined : (recent.after(room, after) ?? context.historyReplay?.after(room, after))
  const newest = recent.newest(room, frame.recent ?? defaultRecent)
  // Who asked for what followed an event that isn't known gets the newest ones, and is told.
  const complete = after === undefined ? newest.complete : missed !== undefined
  const lines = (missed ?? newest.lines).filter((line) => line !== '')
  const count = rooms?.count(room) ?? hub.count(room)
  const bytes = lines.reduce((sum, { length }) => sum + length + 1, 0)
  const fits = context.replays.hold(session.sharers, bytes, () => session.connection.drained(0))
  metrics.joins.inc({
    kind: after === undefined ? 'new' : 'resumed',
    recent: complete && fits ? 'hit' : 'miss',
  })
  const events = fits ? lines : lines.slice(-fewest)
  const joined = joinedFrame(ref, room, events, { complete: complete && fits, count, capacity })
  context.replays.spend(session.sharers, joined.length)
  session.replay(joined)
}

/** The lines are JSON as they stand in the log, a character for each byte: they go in as they are. */
function joinedFrame(
  ref: Ref | undefined,
  room: string,
  lines: readonly string[],
  more: { complete: boolean; count: number; capacity: number | undefined },
): Buffer {
  const head = JSON.stringify({ type: 'joined', ...withRef(ref), room }).slice(0, -1)
  return Buffer.concat([
    Buffer.from(`${head},"events":[`),
    Buffer.from(lines.join(','), 'latin1'),
    Buffer.from(`],${JSON.stringify(more).slice(1)}`),
  ])
}
