/** Number of waiting frames at which reading from the client stops. */
const maxWaiting = 64

/**
 * Executes a session's frames one after the other. A frame whose execution returns a promise holds up those behind it, so that
 * `join` and `send` may be sent together. Most frames finish at once and never wait here.
 */
export class CommandQueue<Frame> {
  readonly #execute: (frame: Frame) => void | Promise<void>
  readonly #flow: { pause(): void; resume(): void }
  #queue: Frame[] = []
  #busy = false
  #resting = false
  #idle: (() => void)[] = []

  constructor(execute: (frame: Frame) => void | Promise<void>, flow: { pause(): void; resume(): void }) {
    this.#execute = execute
    this.#flow = flow
  }

  /** Executes the frame, now or after those before it. */
  put(frame: Frame): void {
    if (this.#busy) {
      this.#queue.push(frame)
      if (this.#queue.length === maxWaiting) this.#flow.pause()
      return
    }
    const work = this.#execute(frame)
    if (work === undefined) return
    this.#busy = true
    void work.finally(() => this.#drain())
  }

  /** Stops reading from the client. Resolves when all frames that it has sent are executed. */
  async rest(): Promise<void> {
    this.#resting = true
    this.#flow.pause()
    while (this.#busy) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  #drain(): void {
    this.#busy = false
    const waiting = this.#queue
    this.#queue = []
    if (waiting.length >= maxWaiting && !this.#resting) this.#flow.resume()
    for (const frame of waiting) this.put(frame)
    if (!this.#busy) for (const wake of this.#idle.splice(0)) wake()
  }
}
