import type { Database } from '@rabble/database'
import { partitionOf } from '@rabble/event-log'
import { columns } from './messages.ts'
import { positionOf } from './replay.ts'
import { type StoredMessage, toLine } from './row.ts'
import { storable } from './storable.ts'

export interface Found {
  /** Offset of the log up to which the room is surely stored; null if nothing of its partition is. */
  through: number | null
  /** The JSON of the message, as it is after its changes; undefined if it isn't stored. */
  line: string | undefined
}

/** A message of a room. The position is read before it, so it is never behind. */
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
