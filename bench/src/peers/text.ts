/** Bytes of a message's text. */
const size = 200
const marker = 0x7e
const senderDigits = 4
const numberDigits = 8
const dueDigits = 12
const filler = `~${'x'.repeat(size)}`

/**
 * Returns the text of a message: who sent it, its number among those of the sender, counted from 1, and when it was due
 * (microseconds on the generator's clock). A receiver reads them without parsing anything else.
 */
export function textOf(sender: number, number: number, due: number): string {
  const head = `~${digits(sender, senderDigits)}${digits(number, numberDigits)}${digits(due, dueDigits)}`
  return head + filler.slice(0, size - head.length)
}

function digits(value: number, count: number): string {
  return String(value).padStart(count, '0')
}

/** Finds the texts in frames. The place of the text in a frame seldom changes, so the last one is tried first. */
export class TextReader {
  #place = 0
  sender = 0
  number = 0
  due = 0

  /** Reads the text in `bytes` from `start` to `end`. Returns false if there is none. */
  read(bytes: Buffer, start: number, end: number): boolean {
    if (bytes[start + this.#place] !== marker) {
      const found = bytes.indexOf(marker, start)
      if (found === -1 || found + size > end) return false
      this.#place = found - start
    }
    let at = start + this.#place + 1
    if (at - 1 + size > end) return false
    this.sender = numberAt(bytes, at, senderDigits)
    at += senderDigits
    this.number = numberAt(bytes, at, numberDigits)
    at += numberDigits
    this.due = numberAt(bytes, at, dueDigits)
    return true
  }
}

function numberAt(bytes: Buffer, start: number, count: number): number {
  let value = 0
  for (let at = start; at < start + count; at++) value = value * 10 + (bytes[at] ?? 0) - 0x30
  return value
}
