/** Milliseconds. */
export interface HistoryTimes {
  /** How long a join, or who wants to change a message, waits for a history that lags behind, or is slow. */
  timeout: number
  /**
   * How long a message must be unknown before it is said not to exist: who has just got `sent` may be faster than the log,
   * which brings the message to this gateway.
   */
  notFoundGrace: number
}

export const defaultHistoryTimes: HistoryTimes = { timeout: 5_000, notFoundGrace: 750 }
