import { randomUUID } from 'node:crypto'
import type { Clock } from '@rabble/clock'
import { roomKind, type StartedEvent } from '@rabble/contract'
import { isChatEvent } from '@rabble/contract/parse'
import type { Database } from '@rabble/database'
import { type EventLog, roomIn } from '@rabble/event-log'
import type { Logger } from '@rabble/service'
import { putPolicies } from './policies.ts'
import { foldedOf } from './room-search.ts'
import { skeletonsOf } from './skeleton.ts'

/** Rooms that are written in one statement. */
const atOnce = 1_000

export interface LostRoomsOptions {
  database: Database
  log: Pick<EventLog, 'partitions' | 'publish' | 'read'>
  clock: Clock
  logger: Logger
}

/**
 * Compares a database that is new with the log. Rooms with messages that it doesn't know were in a database that was lost,
 * and nobody knows any more who might read them: they stay closed until a moderator decides. A database that was compared
 * is left alone. All of it happens before anybody may enter, so nobody is in before.
 */
export async function closeLostRooms(options: LostRoomsOptions, signal: AbortSignal): Promise<void> {
  const { database, logger } = options
  const rows = await database.query<{ compared: boolean }>('select compared from rooms.origin', [])
  if (rows[0]?.compared) return
  const names = await roomsInLog(options, signal)
  const closed = await database.transaction((query) => closeUnknown(query, [...names].sort()), {
    statementTimeout: 0,
  })
  if (closed > 0) {
    logger.error(
      { rooms: closed },
      'the log holds messages of rooms that the database does not know: it was lost, or it is older than they are. They are for moderators only until one opens them; bans, mutes and invitations are gone',
    )
  }
}

/** Returns the names of all rooms of which the log holds messages. */
async function roomsInLog({ log, clock }: LostRoomsOptions, signal: AbortSignal): Promise<Set<string>> {
  const names = new Set<string>()
  for (let partition = 0; partition < log.partitions; partition++) {
    const id = `rooms-${randomUUID()}`
    // A mark, behind everything that is there by now.
    const mark: StartedEvent = {
      type: 'started',
      room: roomIn(partition, log.partitions),
      id,
      via: 'rooms',
      at: new Date(clock.now()).toISOString(),
    }
    await log.publish(mark)
    if (!(await readTo(partition, id))) throw new Error('the log ended before the mark that was put into it')
  }
  return names

  async function readTo(partition: number, mark: string): Promise<boolean> {
    for await (const batches of log.read(partition, 'first', signal)) {
      for (const { event } of batches.flatMap(({ entries }) => entries)) {
        if (event.id === mark) return true
        if (isChatEvent(event) && roomKind(event.room)?.kind === 'room') names.add(event.room)
      }
    }
    return false
  }
}

/** Returns how many rooms there are that nobody knew. */
async function closeUnknown(query: Database['query'], names: readonly string[]): Promise<number> {
  const [origin] = await query<{ compared: boolean }>('select compared from rooms.origin for update', [])
  if (origin?.compared) return 0
  let closed = 0
  for (let first = 0; first < names.length; first += atOnce) {
    const some = names.slice(first, first + atOnce)
    const found = some.map((name) => ({ name, folded: foldedOf(name, ''), skeletons: skeletonsOf(name) }))
    const rows = await query<{ name: string }>(
      `insert into rooms.rooms (name, folded, skeletons, access)
       select name, folded, skeletons, 'invite'
       from json_to_recordset($1::json) as found (name text, folded text, skeletons text[])
       where not exists (select from rooms.former where former.name = found.name)
       order by name collate "C" on conflict do nothing returning name`,
      [JSON.stringify(found)],
    )
    if (rows.length === 0) continue
    closed += rows.length
    await putPolicies(
      query,
      rows.map(({ name }) => ({
        key: `room:${name}`,
        policy: { kind: 'room' as const, room: name, inviteOnly: true as const },
      })),
    )
  }
  await query('update rooms.origin set compared = true', [])
  return closed
}
