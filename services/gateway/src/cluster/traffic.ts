/** Traffic of this gateway between two reports. */
export interface Report {
  /** Events that the log confirmed. */
  published: number
  /** Frames that were fanned out. */
  delivered: number
  /** Mean age (ms) of events when they were read; undefined if none was. */
  lag: number | undefined
}

/** Counts what happens at this gateway, for its reports to the others. */
export interface Traffic {
  /** Counts an event that the log confirmed. */
  published(): void
  /** Counts frames that were fanned out. */
  delivered(frames: number): void
  /** Counts an event that was read at this age (ms). */
  late(lag: number): void
  /** Returns the traffic since the last call. */
  take(): Report
}

export function createTraffic(): Traffic {
  let published = 0
  let delivered = 0
  let lags = { sum: 0, count: 0 }
  return {
    published: () => void published++,
    delivered(frames) {
      delivered += frames
    },
    late(lag) {
      lags.sum += Math.max(0, lag)
      lags.count++
    },
    take() {
      const lag = lags.count === 0 ? undefined : lags.sum / lags.count
      const report = { published, delivered, lag }
      published = 0
      delivered = 0
      lags = { sum: 0, count: 0 }
      return report
    },
  }
}
