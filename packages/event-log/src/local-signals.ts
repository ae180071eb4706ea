import type { Signal } from '@rabble/contract'
import type { Malformed } from './malformed.ts'

/** Bytes of the longest signal that is taken: that of a full room's presence has less than half of it. */
const longest = 256 * 1024

/** Hands signals to whoever listens in this process. */
export class LocalSignals {
  readonly #listeners = new Set<(signal: Signal) => void>()
  readonly #malformed: Malformed

  constructor(malformed: Malformed) {
    this.#malformed = malformed
  }

  /** As EventLog.onSignal. */
  on(listener: (signal: Signal) => void): () => void {
    // A function of its own for each call, so that the same listener can be added twice.
    const entry = (signal: Signal) => listener(signal)
    this.#listeners.add(entry)
    return () => this.#listeners.delete(entry)
  }

  /** The JSON of a signal, to all listeners; what is no signal is dropped, a listener that throws harms no other. */
  deliver(json: string | Buffer): void {
    const signal = parseSignal(json)
    if (signal === undefined) {
      this.#malformed.signal()
      return
    }
    for (const listener of this.#listeners) {
      try {
        listener(signal)
      } catch (error) {
        this.#malformed.signal(error)
      }
    }
  }
}

function parseSignal(json: string | Buffer): Signal | undefined {
  if (json.length > longest) return undefined
  try {
    const value: unknown = JSON.parse(json.toString())
    if (typeof value !== 'object' || value === null || !('type' in value)) return undefined
    return typeof value.type === 'string' ? (value as Signal) : undefined
  } catch {
    return undefined
  }
}
