import type { Database } from '@rabble/database'

/** Time (ms) between two moments. Retention may be late by this much. */
const hour = 60 * 60 * 1000

/**
 * Returns the newest moment (ms since 1970) at which the stored sequence of a partition was noted; undefined if there is none.
 */
export async function newestMoment(
  database: Pick<Database, 'query'>,
  partition: number,
): Promise<number | undefined> {
  const [row] = await database.query<{ at: Date | null }>(
    'select max(at) as at from history.moments where partition = $1',
    [partition],
  )
  return row?.at?.getTime()
}

/**
 * Notes up to which sequence a partition is stored `now`, if the `newest` moment is at least an hour old. Deletes moments that
 * have no messages left.
 */
export async function noteMoment(
  database: Pick<Database, 'query'>,
  partition: number,
  now: number,
  newest: number | undefined,
): Promise<void> {
  if (newest !== undefined && now - newest < hour) return
  await database.query(
    `insert into history.moments (partition, sequence, at)
     select partition, sequence, $2::timestamptz from history.positions where partition = $1 and sequence > coalesce(
       (select max(sequence) from history.moments where partition = $1), 0)
     on conflict do nothing`,
    [partition, new Date(now)],
  )
  await database.query(
    `delete from history.moments where partition = $1
     and sequence < (select min(sequence) from history.messages where partition = $1)`,
    [partition],
  )
}

/** Returns the sequence up to which a partition was certainly stored by a time (ms since 1970); undefined if nothing was. */
export async function storedBy(
  database: Pick<Database, 'query'>,
  partition: number,
  time: number,
): Promise<number | undefined> {
  const [row] = await database.query<{ sequence: number | null }>(
    'select max(sequence) as sequence from history.moments where partition = $1 and at <= $2::timestamptz',
    [partition, new Date(time)],
  )
  return row?.sequence ?? undefined
}
