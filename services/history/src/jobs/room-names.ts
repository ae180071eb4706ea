import { orAborted } from '@rabble/clock/race'
import { roomKind } from '@rabble/contract'
import type { Database } from '@rabble/database'
import type { RoomsClient } from '@rabble/rooms/client'
import type { Partition } from '../projection/partition.ts'
import { restored } from '../text/storable.ts'

/** Reports to the rooms service which rooms have messages. */
export type TellNames = RoomsClient['former']

/** Maximum number of names reported in one round. */
const most = 1000

/**
 * Returns a function that reports to the rooms service which rooms have messages, one part per round, over and over: only
 * moderators may create a room with such a name. The first partition reports for all, since they share their tables.
 */
export function tellingNames(options: Partition, tell: TellNames): () => Promise<void> {
  const { database, metrics, partition, signal } = options
  let after = ''
  return async () => {
    if (partition !== 0 || signal.aborted) return
    try {
      const rows = await roomsAfter(database, after, most)
      const through = rows.length < most ? undefined : rows.at(-1)
      const names = rows.map(restored).filter((name) => roomKind(name)?.kind === 'room')
      await orAborted(tell({ after, names, ...(through !== undefined && { through }) }), signal)
      after = through ?? ''
    } catch {
      // The next round reports them again.
      metrics.roomsErrors.inc()
    }
  }
}

/** Returns the stored names of rooms of all partitions, by skipping from one to the next: long rooms take no longer. */
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
