export {
  type BoundedWork,
  createBoundedWork,
  retried,
  transactionWithin,
  type WorkLimits,
  type WorkOptions,
} from './bounded-work.ts'
export { copyDatabaseFiles } from './copy-files.ts'
export * from './database.ts'
export { isRefusedValue, isUnavailable, sqlState } from './failure.ts'
export { answerInTime, databaseProblem } from './health.ts'
export type { Lease } from './lease.ts'
export { migrate } from './migrate.ts'
export { openPglite } from './pglite.ts'
export { connectPostgres, type PostgresOptions } from './postgres.ts'
export { missingTables } from './tables.ts'
export { databaseTime } from './time.ts'
export { createWorkHealth, type WorkHealth } from './work-health.ts'
