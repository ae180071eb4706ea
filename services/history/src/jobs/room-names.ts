import { roomKind } from '@rabble/contract'
import type { Database } from '@rabble/database'
import type { RoomsClient } from '@rabble/rooms/client'
import type { Partition } from '../projection/partition.ts'
import { restored } from '../text/storable.ts'

/** Tells the rooms service which rooms have messages. */
export type TellNames = RoomsClient['former']

/** Names that are told in one round. */
const most = 1000

/**
 * Tells the rooms service, a part in each round and over and over again, which rooms have messages: a name that has some is
 * not for whoever creates it first. The partition that is first does it for all, since they share their tables.
 */
export function tellingNames(options: Partition, tell: TellNames): () => Promise<void> {
  const { database, metrics, partition, signal } = options
  let after = ''
  const stopped = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  return async () => {
    if (partition !== 0 || signal.aborted) return
    try {
      const rows = await roomsAfter(database, after, most)
      const through = rows.length < most ? undefined : rows.at(-1)
      const names = rows.map(restored).filter((name) => roomKind(name)?.kind === 'room')
      await Promise.race([tell({ after, names, ...(through !== undefined && { through }) }), stopped])
      after = through ?? ''
    } catch {
      // The next round tells it again.
      metrics.roomsErrors.inc()
    }
  }
}

/** Names of rooms of all partitions, as they are stored, by skipping from one to the next: long rooms take no longer. */
export async function roomsAfter(
  { query }: Pick<Database, 'query'>,
  after: string,
  limit: number,
): Promise<string[]> {
  const rows = await query<{ room: string }>(
    `with recursive rooms as (
       select $1::text collate "C" as room, 0 as number
       union all
       select next.room, number + 1 from rooms, lateral (
         (select room from history.messages where room > rooms.room order by room limit 1)
         union all (select room from history.changes where room > rooms.room order by room limit 1)
         order by room limit 1
       ) next where number < $2
     ) select room from rooms where number > 0`,
    [after, limit],
  )
  return rows.map(({ room }) => room)
}
