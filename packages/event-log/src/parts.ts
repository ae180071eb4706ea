/** Parts of logs, for a log that tests build. */
export { Backlog } from './backlog.ts'
export { decodeBatch } from './batch.ts'
export { parseTraces } from './batch-traces.ts'
export { Follower, type FollowerSource, stepBytes } from './follower.ts'
export { LocalSignals } from './local-signals.ts'
export { Malformed } from './malformed.ts'
export { PublishQueue } from './publish-queue.ts'
