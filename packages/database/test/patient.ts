import type { PostgresOptions } from '../src/index.ts'

/** Milliseconds that a slow machine doesn't reach, also for one of many statements that wait for a connection. */
export const patient: PostgresOptions = { connectTimeout: 60_000, statementTimeout: 60_000 }
