import type { PostgresOptions } from '../src/index.ts'

/** Time limits (ms) that a slow machine doesn't reach, even for one of many statements that wait for a connection. */
export const patient: PostgresOptions = { connectTimeout: 60_000, statementTimeout: 60_000 }
