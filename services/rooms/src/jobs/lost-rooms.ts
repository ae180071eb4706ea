import { randomUUID } from 'node:crypto'
import type { Clock } from '@rabble/clock'
import { roomKind, type StartedEvent } from '@rabble/contract'
import { isChatEvent } from '@rabble/contract/parse'
import type { Database } from '@rabble/database'
import { type EventLog, roomIn } from '@rabble/event-log'
import type { Logger } from '@rabble/service'
import { skeletonsOf } from '../names/skeleton.ts'
import { putPolicies } from '../policies/policies.ts'
import { foldedOf } from '../rooms/room-search.ts'

/** Maximum number of rooms written in one statement. */
const atOnce = 1_000

export interface LostRoomsOptions {
  database: Database
  log: Pick<EventLog, 'partitions' | 'publish' | 'read'>
  clock: Clock
  logger: Logger
}

/**
 * SQL expression that identifies this database, as PostgreSQL does. A restored dump has tables with other OIDs; a restored base
 * backup starts another timeline, or has the identifier of another server. A copy of the files has the same identity.
 */
const identity = `(
  select concat_ws('/', system_identifier, timeline_id,
    (select oid from pg_database where datname = current_database()), 'rooms.origin'::regclass::oid)
  from pg_control_system(), pg_control_checkpoint()
)`

/**
 * Raises the version of the policies above all versions that the lost database handed out: to the current time in milliseconds,
 * since no database makes a thousand changes per second. Copies made from the lost database are then too old, and are loaded
 * again.
 */
const beginVersions = `with begin as (
  select greatest(version, (extract(epoch from clock_timestamp()) * 1000)::bigint) as version from rooms.policy_version
)
update rooms.policy_version set version = begin.version, forgotten = begin.version from begin`

interface Origin {
  compared: boolean
  /** Whether it was compared as another database. */
  restored: boolean
}

const readOrigin = `select compared, identity <> ${identity} as restored from rooms.origin`

/**
 * Compares a database that is new, or restored from a backup, with the log. Rooms that have messages but are missing in the
 * database were in a lost database. Their former readers are unknown, so the rooms stay closed until a moderator decides. A
 * database that was already compared is left alone. This runs before anybody may enter, so nobody is in such a room.
 */
export async function closeLostRooms(options: LostRoomsOptions, signal: AbortSignal): Promise<void> {
  const { database, logger } = options
  const [origin] = await database.query<Origin>(readOrigin, [])
  if (origin?.compared && !origin.restored) {
    await database.query(`update rooms.origin set identity = ${identity} where identity is null`, [])
    return
  }
  const names = await roomsInLog(options, signal)
  const closed = await database.transaction((query) => closeUnknown(query, [...names].sort()), {
    statementTimeout: 0,
  })
  // Not before: while the log can't be read, this is tried again and again.
  if (origin?.restored)
    logger.warn({}, 'this database was restored from a backup, and was compared with the log')
  if (closed > 0) {
    logger.error(
      { rooms: closed },
      'the log holds messages of rooms that the database does not know: it was lost or restored from an older backup. Until a moderator opens them, only moderators may enter them; bans, mutes and invitations are gone',
    )
  }
}

/** Returns the names of all rooms with messages in the log. */
async function roomsInLog({ log, clock }: LostRoomsOptions, signal: AbortSignal): Promise<Set<string>> {
  const names = new Set<string>()
  for (let partition = 0; partition < log.partitions; partition++) {
    const id = `rooms-${randomUUID()}`
    // Marks the end of what the log holds now.
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

/** Creates the rooms that the database does not know, as invite-only. Returns their number. */
async function closeUnknown(query: Database['query'], names: readonly string[]): Promise<number> {
  const [origin] = await query<Origin>(`${readOrigin} for update`, [])
  if (origin?.compared && !origin.restored) return 0
  await query(beginVersions, [])
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
  await query(`update rooms.origin set compared = true, identity = ${identity}`, [])
  return closed
}
