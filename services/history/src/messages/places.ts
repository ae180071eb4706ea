import type { Database } from '@rabble/database'
import { restored, storable } from '../text/storable.ts'

/** Place of an event in the order of its partition. */
export interface Place {
  partition: number
  sequence: number
  /** False for a change of a message, which is on no page. */
  isMessage: boolean
}

/** Returns the places of stored messages and changes of a room, by id. */
export async function placesOf(
  database: Pick<Database, 'query'>,
  room: string,
  ids: readonly string[],
): Promise<Map<string, Place>> {
  const rows = await database.query<Place & { id: string }>(
    `select id, partition, sequence, true as "isMessage" from history.messages where id = any($2) and room = $1
     union all
     select id, partition, sequence, false from history.changes where id = any($2) and room = $1`,
    [storable(room), ids.map(storable)],
  )
  return new Map(rows.map(({ id, ...place }) => [restored(id), place]))
}
