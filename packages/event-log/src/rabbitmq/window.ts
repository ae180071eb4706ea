/** Size (bytes) at which a step ends although more is there, so that a replay leaves the process time for other work. */
const stepBytes = 512 * 1024

/** Deliveries that arrived and were not yielded yet, in order. */
export class Window<Delivery extends { content: Buffer }> {
  readonly #most: number
  #deliveries: Delivery[] = []
  #bytes = 0

  /** @param most number of deliveries that are enough for a step, however small they are */
  constructor(most: number) {
    this.#most = most
  }

  get isEmpty(): boolean {
    return this.#deliveries.length === 0
  }

  /** Whether there is enough for a whole step. */
  get isFull(): boolean {
    return this.#deliveries.length >= this.#most || this.#bytes >= stepBytes
  }

  add(delivery: Delivery): void {
    this.#deliveries.push(delivery)
    this.#bytes += delivery.content.length
  }

  clear(): void {
    this.#deliveries = []
    this.#bytes = 0
  }

  /** Takes the deliveries of the next step. */
  take(): Delivery[] {
    let bytes = 0
    let count = 0
    for (const { content } of this.#deliveries) {
      count++
      bytes += content.length
      if (bytes >= stepBytes) break
    }
    this.#bytes -= bytes
    return this.#deliveries.splice(0, count)
  }
}
