import type { Database } from './database.ts'

/** Milliseconds. */
const patience = 2_000

/** Why the database doesn't answer, or undefined: for readiness checks. */
export function databaseProblem(database: Pick<Database, 'query'>): Promise<string | undefined> {
  return inTime(database.query('select 1', []).then(() => undefined))
}

/** What is answered within 2 seconds, or why it isn't. */
export async function inTime(answer: Promise<string | undefined>): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, patience, 'no answer within 2 s')
  })
  const result = await Promise.race([answer.catch((error: Error) => error.message), late])
  clearTimeout(timer)
  return result
}
