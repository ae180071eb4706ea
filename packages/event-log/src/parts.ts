/** The parts that logs are made of, for a log that tests make. */
export { Backlog } from './backlog.ts'
export { decodeBatch } from './batch.ts'
export { Follower, type FollowerSource, stepBytes } from './follower.ts'
export { LocalSignals } from './local-signals.ts'
export { Malformed } from './malformed.ts'
export { PublishQueue } from './publish-queue.ts'
