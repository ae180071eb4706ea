import type { Database } from '@rabble/database'
import { restored } from '../text/storable.ts'

/** A place where messages are known to be missing: the log lost them before they could be read. */
export interface Gap {
  /** Id of the first message after it. Absent if there is none yet. */
  before?: string
  /** RFC 3339, UTC. */
  noticedAt: string
}

interface GapRow {
  sequence: number
  noticed_at: Date
}

/**
 * Returns the gaps from the message before a page (`previous`; undefined: the start of the room) to the page's last message
 * and, if nothing follows the page (`next`), to the end of the room. So each gap is on exactly one page. A gap is known by
 * partition: it is not known whether this room lost something.
 */
export async function gapsBetween(
  database: Database,
  partition: number,
  rows: readonly { id: string; sequence: number }[],
  previous: number | undefined,
  next: number | undefined,
): Promise<Gap[]> {
  const last = rows.at(-1)?.sequence
  if (next !== undefined && last === undefined) return []
  // A gap follows the message whose sequence it has.
  const gaps = await database.query<GapRow>(
    `select sequence, noticed_at from history.gaps
     where partition = $1 and sequence >= $2 and ($3::bigint is null or sequence < $3)
     order by sequence, noticed_at limit 100`,
    [partition, previous ?? 0, next === undefined ? null : last],
  )
  return gaps.map(({ sequence, noticed_at }) => {
    const behind = rows.find((row) => row.sequence > sequence)
    return {
      ...(behind !== undefined && { before: restored(behind.id) }),
      noticedAt: noticed_at.toISOString(),
    }
  })
}
