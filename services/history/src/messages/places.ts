import type { Database } from '@rabble/database'
import { restored, storable } from '../text/storable.ts'

/** Where an event stands in the order of its partition. */
export interface Place {
  partition: number
  sequence: number
  /** Or an edit or a deletion, which stands in no page. */
  isMessage: boolean
}

/** The places of messages and of their changes, by id, of those that are stored in a room. */
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
