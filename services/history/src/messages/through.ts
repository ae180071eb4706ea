import type { Database } from '@rabble/database'

/** Returns the offsets of the log, by partition, up to which all is stored; null if nothing of the partition is stored yet. */
export async function throughOf(database: Database, partitions: number): Promise<(number | null)[]> {
  const positions = await database.query<{ partition: number; log_offset: number | null }>(
    'select partition, log_offset from history.positions',
  )
  const through: (number | null)[] = new Array(partitions).fill(null)
  for (const { partition, log_offset } of positions) {
    if (partition < partitions) through[partition] = log_offset
  }
  return through
}
