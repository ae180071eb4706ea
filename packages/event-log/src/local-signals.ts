import type { Signal } from '@rabble/contract'
import type { Malformed } from './malformed.ts'

/** Maximum length (bytes) of a signal. The presence of a full room has less than half of it. */
const longest = 256 * 1024

/** Passes signals to the listeners of this process. */
export class LocalSignals {
  readonly #listeners = new Set<(signal: Signal) => void>()
  readonly #malformed: Malformed

  constructor(malformed: Malformed) {
    this.#malformed = malformed
  }

  /** Adds a listener, see EventLog.onSignal. */
  on(listener: (signal: Signal) => void): () => void {
    // Wraps each listener, so that the same one can be added twice.
    const entry = (signal: Signal) => listener(signal)
    this.#listeners.add(entry)
    return () => this.#listeners.delete(entry)
  }

  /**
   * Passes a signal (JSON) to all listeners. Malformed signals are dropped, and a listener that throws doesn't affect the others.
   */
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
