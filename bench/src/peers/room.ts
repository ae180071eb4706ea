import type { Check } from './load.ts'

/** The messages that one member has received. */
class Receiver {
  count = 0
  /** Depends on the messages and their order. */
  hash = 0
  /** Number of the last message of each sender. */
  readonly last: Uint32Array
  repeated = 0

  constructor(senders: number) {
    this.last = new Uint32Array(senders)
  }
}

/** Notes what the members of a room receive. */
export class RoomRecord {
  readonly #receivers: Receiver[]
  /** Number of the last message that each sender has sent. */
  readonly sent: Uint32Array

  constructor(members: number, senders: number) {
    this.#receivers = Array.from({ length: members }, () => new Receiver(senders))
    this.sent = new Uint32Array(senders)
  }

  received(member: number, sender: number, number: number): void {
    const receiver = this.#receivers[member]
    if (receiver === undefined) return
    const last = receiver.last[sender] ?? 0
    if (number <= last) receiver.repeated++
    else receiver.last[sender] = number
    receiver.count++
    receiver.hash = (Math.imul(receiver.hash, 31) + sender * 1_000_003 + number) | 0
  }

  /** Whether all have received as many messages as were sent. */
  get isComplete(): boolean {
    const sent = this.#sum
    return this.#receivers.every(({ count }) => count >= sent)
  }

  addTo(check: Check): void {
    const sent = this.#sum
    const [first] = this.#receivers
    for (const { count, repeated } of this.#receivers) {
      check.deliveries += count
      check.repeated += repeated
      check.lost += Math.max(0, sent + repeated - count)
    }
    if (this.#receivers.some(({ hash }) => hash !== first?.hash)) check.disordered++
  }

  get #sum(): number {
    return this.sent.reduce((sum, count) => sum + count, 0)
  }
}
