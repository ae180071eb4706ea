/** Milliseconds. */
export interface HistoryTimes {
  /** Time that a join, or a change of a message, waits for a history that lags behind or is slow. */
  timeout: number
  /**
   * Time for which a message must be unknown before it is reported as not found. A client that has just got `sent` may be faster
   * than the log, which brings the message to this gateway.
   */
  notFoundGrace: number
}

export const defaultHistoryTimes: HistoryTimes = { timeout: 5_000, notFoundGrace: 750 }
