/** What has an id; each id once. */
interface Identified {
  readonly id: string
}

/** Pixels of a row that was never drawn. */
const guess = 56

/**
 * How tall the rows of a list are, and so where each begins: as measured, or as guessed until it was drawn. Items are added at
 * both ends, and taken away at the beginning. 100,000 rows take about a millisecond to add up again.
 */
export class Heights {
  readonly #measured = new Map<string, number>()
  #items: readonly Identified[] = []
  #first: string | undefined
  #last: string | undefined
  #heights: number[] = []
  #tops: number[] = [0]
  /** `#tops` is right up to here. */
  #clean = 0

  get length(): number {
    return this.#heights.length
  }

  /** The sum of all. */
  get total(): number {
    return this.top(this.length)
  }

  /** The list is this one now: the same array with other items, or another one. */
  follow(items: readonly Identified[]): void {
    const before = this.#heights.length
    // What has grown at its end only keeps its rows.
    const grown =
      this.#items === items && items[0]?.id === this.#first && items[before - 1]?.id === this.#last
    this.#items = items
    this.#first = items[0]?.id
    this.#last = items.at(-1)?.id
    if (grown) {
      for (let index = before; index < items.length; index++) this.#heights.push(this.#known(items[index]))
    } else {
      this.#heights = items.map((item) => this.#known(item))
      this.#clean = 0
    }
    this.#tops.length = Math.min(this.#tops.length, this.#heights.length + 1)
    this.#clean = Math.min(this.#clean, this.#heights.length)
  }

  /** Where row `index` begins; that of one behind the last is where the list ends. */
  top(index: number): number {
    for (; this.#clean < index && this.#clean < this.#heights.length; this.#clean++) {
      this.#tops[this.#clean + 1] =
        (this.#tops[this.#clean] as number) + (this.#heights[this.#clean] as number)
    }
    return this.#tops[Math.max(0, Math.min(index, this.#heights.length))] as number
  }

  /** Which row is at this height; the first or the last one beyond the ends. */
  at(offset: number): number {
    let low = 0
    let high = Math.max(0, this.length - 1)
    this.top(this.length)
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.top(middle) <= offset) low = middle
      else high = middle - 1
    }
    return low
  }

  /** Row `index` was drawn. */
  measure(index: number, height: number): void {
    const item = this.#items[index]
    if (item === undefined || this.#heights[index] === height) return
    this.#measured.set(item.id, height)
    this.#heights[index] = height
    this.#clean = Math.min(this.#clean, index)
  }

  /** Where an item is, looked for from where it was; -1 if it is gone. */
  indexOf(id: string, near: number): number {
    for (let distance = 0; distance <= this.#items.length; distance++) {
      if (this.#items[near + distance]?.id === id) return near + distance
      if (this.#items[near - distance]?.id === id) return near - distance
    }
    return -1
  }

  #known(item: Identified | undefined): number {
    return (item && this.#measured.get(item.id)) ?? guess
  }
}
