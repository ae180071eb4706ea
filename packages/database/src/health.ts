import type { Clock, Timer } from '@rabble/clock'
import type { Database } from './database.ts'

/** Time limit (ms). */
const timeout = 2_000

/** Returns the reason why the database doesn't answer, or undefined. For readiness checks. */
export function databaseProblem(
  database: Pick<Database, 'query'>,
  clock: Clock,
): Promise<string | undefined> {
  return inTime(
    database.query('select 1', []).then(() => undefined),
    clock,
  )
}

/** Returns the answer if it comes within 2 seconds, otherwise the reason why not. */
export async function inTime(answer: Promise<string | undefined>, clock: Clock): Promise<string | undefined> {
  let timer: Timer | undefined
  const late = new Promise<string>((resolve) => {
    timer = clock.setTimeout(() => resolve('no answer within 2 s'), timeout)
  })
  const result = await Promise.race([answer.catch((error: Error) => error.message), late])
  timer?.cancel()
  return result
}
