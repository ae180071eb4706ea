import type { Codec, Reply } from '../../sessions/connection.ts'

/** Holds the pieces for a client while it enters, and takes the replies that are for the gateway itself. */
export class Entering {
  /** Codec that takes the replies to the gateway out of what the client gets. */
  readonly codec: Codec
  #asked: { ref: string; resolve(reply: Reply | undefined): void } | undefined
  #held: Buffer[] = []
  #heldBytes = 0

  constructor(codec: Codec) {
    this.codec = { ...codec, encodeReply: (reply) => this.#take(reply, codec) }
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Notes that the next reply with this `ref` is for the gateway. Resolves with it; undefined if the connection ends before. */
  reply(ref: string): Promise<Reply | undefined> {
    return new Promise((resolve) => {
      this.#asked = { ref, resolve }
    })
  }

  hold(pieces: readonly Buffer[]): void {
    for (const piece of pieces) {
      this.#held.push(piece)
      this.#heldBytes += piece.length
    }
  }

  /** Ends the entering. Returns the pieces that waited. */
  end(): Buffer[] {
    this.#asked?.resolve(undefined)
    this.#asked = undefined
    const held = this.#held
    this.#held = []
    this.#heldBytes = 0
    return held
  }

  /** Returns the bytes of a reply that are for the client. */
  #take(reply: Reply, codec: Codec): Buffer {
    const asked = this.#asked
    if (asked === undefined || reply.ref !== asked.ref) return codec.encodeReply(reply)
    this.#asked = undefined
    asked.resolve(reply)
    if (reply.type !== 'joined') return Buffer.alloc(0)
    const { events } = JSON.parse(reply.json.toString()) as { events: object[] }
    return codec.encodeEvents(events.map((event) => Buffer.from(JSON.stringify(event))))
  }
}
