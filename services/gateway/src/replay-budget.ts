/** Replays up to this size (bytes) are always sent: they are no more than live messages may leave unread. */
const small = 64 * 1024

/**
 * Bounds what replays may leave unread over all sessions: thousands that come back to a busy room at once must not cost
 * the gateway its memory.
 */
export interface ReplayBudget {
  /** Takes `bytes` until `read` resolves. False if there are not so many left: send less. */
  take(bytes: number, read: () => Promise<void>): boolean
  readonly taken: number
}

export function createReplayBudget(limit: number): ReplayBudget {
  let taken = 0
  return {
    take(bytes, read) {
      if (bytes <= small) return true
      if (taken + bytes > limit) return false
      taken += bytes
      // In the next turn, when the bytes have been written.
      setImmediate(() => {
        void read().finally(() => {
          taken -= bytes
        })
      })
      return true
    },
    get taken() {
      return taken
    },
  }
}
