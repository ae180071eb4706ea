/** How long the log keeps what it has. What is older goes, whether or not it was read. */
export interface Retention {
  /** Milliseconds that an event is kept at least. */
  maxAge: number
  /** Bytes per partition; the RabbitMQ log drops its oldest segment beyond. */
  maxBytes: number
  /** Bytes of a segment of the RabbitMQ log, in which retention works. */
  segmentBytes: number
}

export const defaultRetention: Retention = {
  maxAge: 7 * 24 * 60 * 60 * 1000,
  maxBytes: 8 * 1024 ** 3,
  segmentBytes: 64 * 1024 ** 2,
}
