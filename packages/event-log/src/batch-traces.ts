/**
 * Maximum number of events of a batch that carry a trace. The header of a message must fit into a frame of AMQP, which has 4 KB at least. Of
 * other events only the publishing is in their traces.
 */
const maxTraces = 32

/** Name of the header with the traces of a batch. */
export const tracesHeader = 'rabble-traces'

/** Traces of a batch: for each traced event its index and the `traceparent` of its publishing, such as `0=00-…-01 7=00-…-01`. */
export class BatchTraces {
  #count = 0
  #text = ''

  add(index: number, traceparent: string): void {
    if (this.#count === maxTraces) return
    this.#count++
    this.#text += `${this.#text === '' ? '' : ' '}${index}=${traceparent}`
  }

  toString(): string {
    return this.#text
  }
}

/**
 * Returns the `traceparent` of each traced event, by its index; undefined if there is none. Others may write into the log, so what has
 * another form is ignored.
 */
export function parseTraces(header: unknown): ReadonlyMap<number, string> | undefined {
  if (typeof header !== 'string' || header.length > maxTraces * 64) return undefined
  const pairs = header.matchAll(/(?<![^ ])(\d{1,4})=([\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2})(?![^ ])/g)
  return new Map([...pairs].map(([, index, traceparent = '']) => [Number(index), traceparent]))
}
