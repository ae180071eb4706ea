import type { Database } from '@rabble/database'
import { type Postgres, type Service, until } from '@rabble/harness'

/**
 * Makes the server log the plans of history's statements (auto_explain, which comes with PostgreSQL). Logging costs time, so
 * this must not run during a measurement. Restarts the history, since the setting affects new connections only.
 */
export async function explain(database: Database, history: Service): Promise<void> {
  await database.query(`do $$ begin
    execute format('alter database %I set session_preload_libraries = auto_explain', current_database());
    execute format('alter database %I set auto_explain.log_min_duration = 0', current_database());
    execute format('alter database %I set auto_explain.log_analyze = on', current_database());
    execute format('alter database %I set auto_explain.log_buffers = on', current_database());
  end $$`)
  await history.restart()
}

/** Calls `ask`, and returns the plans of the statements (at least `count`) with which history then reads its messages. */
export async function plansOf(
  server: Postgres,
  count: number,
  ask: () => Promise<unknown>,
): Promise<string[]> {
  const before = server.logs().length
  await ask()
  let plans: string[] = []
  await until(
    async () => {
      plans = entriesOf(server.logs().slice(before)).filter((entry) => /from history\.messages/.test(entry))
      return plans.length >= count
    },
    60_000,
    'the plans in the log of PostgreSQL',
  )
  return plans.map((plan) => plan.slice(plan.indexOf('Query Text:')))
}

/** Returns the entries of a log. Continuation lines begin with a tab. */
function entriesOf(log: string): string[] {
  return log.split(/\n(?!\t)/).map((entry) => entry.replaceAll('\n\t', '\n'))
}
