/**
 * A durable queue of tasks that other programs put there. One process at a time takes from it, so that tasks keep their
 * order; another one takes over within a second or two of its end.
 */
export interface WorkQueue {
  /** Takes no more, waits (bounded) for the tasks that are under way, and leaves the others to whoever comes next. */
  close(): Promise<void>
}

/** One message of the queue. */
export interface Task {
  body: Buffer
  /** The producer's name for it (the AMQP property `message_id`), the same whenever it comes again. */
  messageId: string | undefined
}

/**
 * Does a task. Called in the order of the queue, for many tasks at a time: keep the order until the first `await`. Once
 * it resolves, the task is gone. If it rejects with a RabbleError that allows a retry, the task comes again, perhaps to
 * another process, and before those behind it that are not done; with anything else, it is set aside.
 */
export type DoTask = (task: Task) => Promise<void>

/** What a work queue tells whoever counts: all optional, called synchronously, must not throw. */
export interface WorkObserver {
  /** Whether this process is the one that takes tasks. */
  active?(active: boolean): void
  /** A task came that had been delivered before and was not done then, as far as the broker knows. */
  redelivered?(): void
  /** A task was set aside. */
  setAside?(): void
}
