import type { Database } from '@rabble/database'

type Reader = Pick<Database, 'query'>

/** Returns the last sequence of a partition that is stored; 0 if there is none. */
export async function storedSequence({ query }: Reader, partition: number): Promise<number> {
  const [row] = await query<{ sequence: number }>(
    'select sequence from history.positions where partition = $1',
    [partition],
  )
  return row?.sequence ?? 0
}

/** Returns the sequence up to which a partition was pushed. The first call stores the start: behind all that is stored. */
export async function pushedSequence(database: Reader, partition: number): Promise<number> {
  await database.query(
    `insert into history.push_positions (partition, sequence)
     select $1::smallint, coalesce((select sequence from history.positions where partition = $1), 0) on conflict do nothing`,
    [partition],
  )
  return readPushed(database, partition)
}

async function readPushed({ query }: Reader, partition: number): Promise<number> {
  const [row] = await query<{ sequence: number }>(
    'select sequence from history.push_positions where partition = $1',
    [partition],
  )
  return row?.sequence ?? 0
}

/** Moves the position of a partition. Returns false, and changes nothing, if somebody else has moved it. */
export async function movePushed(
  database: Reader,
  partition: number,
  from: number,
  to: number,
): Promise<boolean> {
  const moved = await database.query(
    `update history.push_positions set sequence = $3, updated_at = now()
     where partition = $1 and sequence = $2 returning partition`,
    [partition, from, to],
  )
  // An earlier attempt may have moved it, and its answer was lost.
  return moved.length > 0 || (await readPushed(database, partition)) === to
}
