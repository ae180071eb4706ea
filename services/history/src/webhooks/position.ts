import type { Database } from '@rabble/database'
import type { Position } from '../projection/projection.ts'
import type { Webhook } from './webhook.ts'

/**
 * Returns the position up to which a partition was sent. The first call stores the start, so that events which come while the
 * receiver doesn't answer are not left out after a restart.
 */
export async function sentPosition(
  database: Database,
  partition: number,
  start: Webhook['start'],
): Promise<Position> {
  await database.query(
    `insert into history.webhook_positions (partition, log_offset, last_id)
     select own.partition, log_offset, last_id from (select $1::smallint as partition) as own
     left join history.positions on positions.partition = own.partition and $2::boolean
     on conflict do nothing`,
    [partition, start === 'newest'],
  )
  return readSent(database, partition)
}

async function readSent({ query }: Pick<Database, 'query'>, partition: number): Promise<Position> {
  const [row] = await query<{ log_offset: number | null; last_id: string | null }>(
    'select log_offset, last_id from history.webhook_positions where partition = $1',
    [partition],
  )
  return { offset: row?.log_offset ?? null, lastId: row?.last_id ?? null }
}

/** Moves the position of a partition. Returns false, and changes nothing, if somebody else has moved it. */
export async function moveSent(
  database: Database,
  partition: number,
  from: Position,
  to: Position,
): Promise<boolean> {
  const moved = await database.query(
    `update history.webhook_positions set log_offset = $4, last_id = $5, updated_at = now()
     where partition = $1 and log_offset is not distinct from $2::bigint and last_id is not distinct from $3
     returning partition`,
    [partition, from.offset, from.lastId, to.offset, to.lastId],
  )
  if (moved.length > 0) return true
  // An earlier attempt may have moved it, and its answer was lost.
  const found = await readSent(database, partition)
  return found.offset === to.offset && found.lastId === to.lastId
}
