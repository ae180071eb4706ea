import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '@rabble/database'
import { cpuSeconds, machineSeconds, memory } from '../usage.ts'

/** Progress of history: number of rows, and of rows in the search. */
interface Progress {
  rows: number
  indexed: number
}

/** CPU seconds used so far by each process, and by the whole machine. */
export type Usage = Record<'history' | 'postgres' | 'rabbitmq' | 'bench' | 'machine', number>

/** A moment of the run. Times are in milliseconds, on the clock of `performance.now()`. */
export interface Mark extends Progress {
  at: number
  usage: Usage
}

export interface CatchUp {
  /** Last sample without rows. */
  begin: Mark
  /** First sample with all rows. */
  all: Mark
  /** First sample with all rows in the search. */
  indexed: Mark
  /** Memory of history (MiB) at 25, 50, 75 and 100 % of the rows, and its peak until all rows were there. */
  memory: { quarters: number[]; peak: number }
}

export interface Watched {
  database: Database
  events: number
  pids: Record<'history' | 'postgres' | 'rabbitmq', number>
  /** Called once all rows are there, before indexing goes on. */
  onAll(): Promise<void>
}

/** Interval (ms) of the samples. A sample takes about 1 ms. */
const interval = 25
/** Maximum time (ms) without progress. */
const timeout = 60_000

/** Samples a history until it and its search have caught up. @throws Error after a minute without progress */
export async function watchCatchUp({ database, events, pids, onAll }: Watched): Promise<CatchUp> {
  const quarters: number[] = []
  let begin: Mark | undefined
  let all: Mark | undefined
  let peak = 0
  let last = { rows: 0, indexed: 0 }
  for (let moved = performance.now(); ; await sleep(interval)) {
    const progress = await progressOf(database)
    const at = performance.now()
    if (progress.rows > last.rows || progress.indexed > last.indexed) moved = at
    if (at - moved > timeout) throw new Error(`history stands still at ${JSON.stringify(progress)}`)
    last = progress
    const mark = () => ({ ...progress, at, usage: usageOf(pids) })
    const size = memory(pids.history)
    while (quarters.length < 4 && progress.rows >= (events * (quarters.length + 1)) / 4) {
      quarters.push(size.now)
    }
    if (progress.rows === 0) begin = mark()
    if (progress.rows >= events && all === undefined) {
      all = mark()
      peak = size.peak
      await onAll()
    }
    if (begin !== undefined && all !== undefined && progress.indexed >= events) {
      return { begin, all, indexed: mark(), memory: { quarters, peak } }
    }
  }
}

async function progressOf(database: Database): Promise<Progress> {
  try {
    const [progress] = await database.query<Progress>(
      `select positions.sequence as rows, coalesce(indexed.sequence, 0) as indexed
       from history.positions left join history.search_positions as indexed using (partition)
       where partition = 0`,
      [],
    )
    return progress ?? { rows: 0, indexed: 0 }
  } catch (error) {
    // The tables don't exist yet (undefined_table).
    if ((error as { code?: string }).code === '42P01') return { rows: 0, indexed: 0 }
    throw error
  }
}

function usageOf(pids: Watched['pids']): Usage {
  const { user, system } = process.cpuUsage()
  return {
    history: cpuSeconds(pids.history),
    postgres: cpuSeconds(pids.postgres),
    rabbitmq: cpuSeconds(pids.rabbitmq),
    bench: (user + system) / 1e6,
    machine: machineSeconds(),
  }
}
