import type { Database } from '@rabble/database'
import { partitionOf } from '@rabble/event-log'
import { storable } from '../text/storable.ts'
import { columns } from './page.ts'
import { placesOf } from './places.ts'
import { positionOf } from './replay.ts'
import { type StoredMessage, toLine } from './row.ts'

export interface Found {
  /** Offset of the log up to which the room is certainly stored; null if nothing of its partition is. */
  through: number | null
  /** JSON of the message after its changes; undefined if it is not stored. */
  line: string | undefined
}

/** Finds a message of a room. The position is read first, so it is never ahead of the message. */
export async function findMessage(
  database: Database,
  partitions: number,
  { room, id }: { room: string; id: string },
): Promise<Found> {
  const through = await positionOf(database, partitionOf(room, partitions))
  const [row] = await database.query<StoredMessage>(
    `select ${columns} from history.messages where id = $1 and room = $2`,
    [storable(id), storable(room)],
  )
  return { through, line: row && toLine(row) }
}

export interface FoundReaction {
  /** Offset of the log up to which the room is certainly stored; null if nothing of its partition is. */
  through: number | null
  /** Revision of the last reaction (see `ReactionEvent`); 0 if there was none. */
  revision: number
}

/** Finds the last reaction of a user with an emoji to a message. The position is read first, so it is never ahead. */
export async function findReaction(
  database: Database,
  partitions: number,
  { room, message, user, emoji }: { room: string; message: string; user: string; emoji: string },
): Promise<FoundReaction> {
  const through = await positionOf(database, partitionOf(room, partitions))
  const [row] = await database.query<{ revision: number }>(
    'select revision from history.reactions where message = $1 and emoji = $2 and user_id = $3',
    [storable(message), storable(emoji), storable(user)],
  )
  return { through, revision: row?.revision ?? 0 }
}

export interface Known {
  /** Offset of the log up to which the room is certainly stored; null if nothing of its partition is. */
  through: number | null
  /** Those of the requested ids that are stored. */
  ids: string[]
}

/** Returns which of some ids name a stored message or change of a room. The position is read first, so it is never ahead. */
export async function knownOf(
  database: Database,
  partitions: number,
  { room, ids }: { room: string; ids: readonly string[] },
): Promise<Known> {
  const through = await positionOf(database, partitionOf(room, partitions))
  return { through, ids: [...(await placesOf(database, room, ids)).keys()] }
}
