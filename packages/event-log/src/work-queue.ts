/**
 * Durable queue of tasks from other programs. One process at a time takes tasks, so that they keep their order. Another one takes
 * over within a second or two of its end.
 */
export interface WorkQueue {
  /** Stops taking tasks, waits (bounded) for those in progress, and leaves the others to the next process. */
  close(): Promise<void>
}

/** One message of the queue. */
export interface Task {
  body: Buffer
  /** Id that the producer gave it (the AMQP property `message_id`); the same at each redelivery. */
  messageId: string | undefined
}

/**
 * Does a task. Called in the order of the queue, for many tasks at a time: keep the order until the first `await`. Once it
 * resolves, the task is removed. If it rejects with a retryable RabbleError, the task is redelivered, perhaps to another process,
 * and before later unfinished tasks. After any other rejection it is set aside.
 */
export type DoTask = (task: Task) => Promise<void>

/** Callbacks of a work queue for metrics. All are optional, are called synchronously and must not throw. */
export interface WorkObserver {
  /** Reports whether this process takes the tasks. */
  active?(active: boolean): void
  /** Reports a task that was delivered before and, as far as the broker knows, not done. */
  redelivered?(): void
  /** Reports a task that was set aside. */
  setAside?(): void
}
