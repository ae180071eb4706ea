/** Retention of the log. Older events are deleted, whether or not they were read. */
export interface Retention {
  /** Minimum time (ms) for which an event is kept. */
  maxAge: number
  /** Maximum size (bytes) of a partition. The RabbitMQ log drops its oldest segment beyond it. */
  maxBytes: number
  /** Size (bytes) of a segment of the RabbitMQ log, the unit of retention. */
  segmentBytes: number
}

export const defaultRetention: Retention = {
  maxAge: 7 * 24 * 60 * 60 * 1000,
  maxBytes: 8 * 1024 ** 3,
  segmentBytes: 64 * 1024 ** 2,
}
