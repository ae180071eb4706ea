import type { Clock, Timer } from '@rabble/clock'
import type { Database } from './database.ts'

/** Milliseconds. */
const timeout = 2_000

/** Why the database doesn't answer, or undefined: for readiness checks. */
export function databaseProblem(
  database: Pick<Database, 'query'>,
  clock: Clock,
): Promise<string | undefined> {
  return inTime(
    database.query('select 1', []).then(() => undefined),
    clock,
  )
}

/** What is answered within 2 seconds, or why it isn't. */
export async function inTime(answer: Promise<string | undefined>, clock: Clock): Promise<string | undefined> {
  let timer: Timer | undefined
  const late = new Promise<string>((resolve) => {
    timer = clock.setTimeout(() => resolve('no answer within 2 s'), timeout)
  })
  const result = await Promise.race([answer.catch((error: Error) => error.message), late])
  timer?.cancel()
  return result
}
