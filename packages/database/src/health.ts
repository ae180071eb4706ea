import type { Clock } from '@rabble/clock'
import { inTime } from '@rabble/clock/race'
import type { Database } from './database.ts'

/** Time limit (ms). */
const timeout = 2_000

/** Returns the reason why the database doesn't answer, or undefined. For readiness checks. */
export function databaseProblem(
  database: Pick<Database, 'query'>,
  clock: Clock,
): Promise<string | undefined> {
  return answerInTime(
    database.query('select 1', []).then(() => undefined),
    clock,
  )
}

/** Returns the answer if it comes within 2 seconds, otherwise the reason why not. */
export async function answerInTime(
  answer: Promise<string | undefined>,
  clock: Clock,
): Promise<string | undefined> {
  const reason = answer.catch((error: Error) => error.message)
  const result = await inTime(
    reason.then((reason) => ({ reason })),
    timeout,
    clock,
  )
  return result === undefined ? 'no answer within 2 s' : result.reason
}
