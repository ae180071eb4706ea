import type { ChatEvent, PersonalEvent } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { indexStep } from '../src/jobs/indexing.ts'
import { project, type StepResult } from '../src/projection/projection.ts'

/** Writes the next step of a partition. */
export async function write(
  database: Database,
  partition: number,
  events: (ChatEvent | PersonalEvent)[],
  options: { careful?: boolean } = {},
): Promise<StepResult | undefined> {
  const [row] = await database.query<{ log_offset: number | null }>(
    `insert into history.positions (partition) values ($1)
     on conflict (partition) do update set partition = excluded.partition returning log_offset`,
    [partition],
  )
  const from = row?.log_offset ?? null
  const entries = events.map((event) => ({ event, line: Buffer.from(JSON.stringify(event)) }))
  return project(database, { partition, from, to: (from ?? 0) + 1, entries }, options)
}

/** Indexes until nothing is left. Resolves to the number of indexed messages. */
export async function index(database: Database, limit = 500): Promise<number> {
  let sum = 0
  for (;;) {
    const rows = await indexStep(database, limit)
    if (rows === 0) return sum
    sum += rows
  }
}
