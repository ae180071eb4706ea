import { randomUUID } from 'node:crypto'
import type { StartedEvent } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { encodeBatch } from './batch.ts'
import { roomIn } from './event-log.ts'

/** Number of offsets that are left out: more than the log had after the backup. */
const leap = 2 ** 32

/**
 * Leaves a gap at the end of an in-process log that was restored from a backup, with a mark behind it. Readers thus tell that
 * events are missing, and no offset that the lost part of the log had is given to another event. The log must not be open.
 * @returns the number of partitions
 */
export async function markLoss(database: Database, at: Date): Promise<number> {
  return database.transaction(async (query) => {
    const parts = await query<{ partition: number; last: number }>(
      'select partition, max("offset") as last from rabble_log group by partition order by partition',
      [],
    )
    const partitions = (parts.at(-1)?.partition ?? 0) + 1
    for (const { partition, last } of parts) {
      const mark: StartedEvent = {
        type: 'started',
        room: roomIn(partition, partitions),
        id: `restored-${randomUUID()}`,
        via: 'restore',
        at: at.toISOString(),
      }
      const line = JSON.stringify(mark)
      await query('insert into rabble_log (partition, "offset", at, body) values ($1, $2, $3, $4)', [
        partition,
        last + leap,
        at.getTime(),
        encodeBatch([line], Buffer.byteLength(line) + 1).toString(),
      ])
    }
    return parts.length
  })
}
