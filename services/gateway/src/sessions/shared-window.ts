import type { Codec } from './connection.ts'

/** A receiver of frames: a session. */
interface Receiver {
  readonly connection: { readonly codec: Codec }
  /** The window that the last compressed bytes of its connection belong to, and the place in it from which the receiver has them. */
  window: SharedWindow | undefined
  windowBegin: number
}

/** Maximum size (bytes) of a window. */
const maxBytes = 4096

/**
 * The latest events of a room, as bytes. Compressed events may refer to them, for receivers that hold all of them: those that got them
 * as the last compressed bytes of their connections, without anything between. So events are compressed once for many receivers.
 */
export class SharedWindow {
  bytes: Buffer = Buffer.alloc(0)
  /** Number of bytes that were added so far. */
  #end = 0

  /** Notes that a receiver gets the events that are added next. Returns whether it holds the whole window before them. */
  give(receiver: Receiver): boolean {
    if (receiver.window !== this) {
      receiver.window = this
      receiver.windowBegin = this.#end
    }
    return receiver.windowBegin <= this.#end - this.bytes.length
  }

  add(events: readonly Buffer[]): void {
    this.bytes = slide(this.bytes, events)
    for (const { length } of events) this.#end += length
  }
}

/** Returns the window after further events. */
export function slide(window: Buffer, events: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat([window, ...events])
  const end = bytes.subarray(-maxBytes)
  // A part of a buffer keeps all of it in memory: a burst would stay there until the next event of its room.
  return bytes.length > 2 * maxBytes ? Buffer.from(end) : end
}

/** Frames for many receivers, in the encodings that these need. Each is made once. */
export class SharedFrames {
  readonly #frames: readonly Buffer[]
  readonly #window: SharedWindow | undefined
  readonly #encoded = new Map<Codec, Buffer>()
  /** Compressed, for those that hold the window, and for the others. */
  readonly #continued = new Map<Codec, Buffer>()
  readonly #alone = new Map<Codec, Buffer>()

  /** `window`: the window of the room whose events the frames are. Other frames are not compressed. */
  constructor(frames: readonly Buffer[], window?: SharedWindow) {
    this.#frames = frames
    this.#window = window
  }

  /** Returns the bytes for a receiver, which must get them. */
  encodedFor(receiver: Receiver): Buffer {
    const { codec } = receiver.connection
    const window = this.#window
    if (window === undefined || codec.compressEvents === undefined) {
      return this.#encoded.get(codec) ?? keep(this.#encoded, codec, codec.encodeEvents(this.#frames))
    }
    return window.give(receiver)
      ? (this.#continued.get(codec) ??
          keep(this.#continued, codec, codec.compressEvents(this.#frames, window.bytes)))
      : (this.#alone.get(codec) ?? keep(this.#alone, codec, codec.compressEvents(this.#frames)))
  }
}

function keep(encoded: Map<Codec, Buffer>, codec: Codec, bytes: Buffer): Buffer {
  encoded.set(codec, bytes)
  return bytes
}
