/** An item with a unique id. */
interface Identified {
  readonly id: string
}

/** Assumed height (px) of a row that was never drawn. */
const guess = 56

/** Number of heights of removed items that are kept, besides as many as the list has items. */
const spare = 100

/**
 * Heights and offsets of the rows of a list. The height of a row is measured, or assumed until it is drawn. Items are added at
 * both ends, and removed at the beginning. Adding up 100,000 rows again takes about a millisecond.
 */
export class Heights {
  /** Height by id, of items in the list and of some that were removed. */
  #measured = new Map<string, number>()
  #items: readonly Identified[] = []
  #first: string | undefined
  #last: string | undefined
  #heights: number[] = []
  #tops: number[] = [0]
  /** Index up to which `#tops` is valid. */
  #clean = 0

  get length(): number {
    return this.#heights.length
  }

  /** Height of the whole list. */
  get total(): number {
    return this.top(this.length)
  }

  /** Sets the list: the same array with other items, or another array. */
  follow(items: readonly Identified[]): void {
    const before = this.#heights.length
    // A list with new items only at its end keeps its rows.
    const grown =
      this.#items === items && items[0]?.id === this.#first && items[before - 1]?.id === this.#last
    this.#items = items
    this.#first = items[0]?.id
    this.#last = items.at(-1)?.id
    if (grown) {
      for (let index = before; index < items.length; index++) this.#heights.push(this.#known(items[index]))
    } else {
      if (this.#measured.size > 2 * items.length + spare) this.#forgetRemoved()
      this.#heights = items.map((item) => this.#known(item))
      this.#clean = 0
    }
    this.#tops.length = Math.min(this.#tops.length, this.#heights.length + 1)
    this.#clean = Math.min(this.#clean, this.#heights.length)
  }

  /** Returns the offset of row `index`. The index after the last row gives the end of the list. */
  top(index: number): number {
    for (; this.#clean < index && this.#clean < this.#heights.length; this.#clean++) {
      this.#tops[this.#clean + 1] =
        (this.#tops[this.#clean] as number) + (this.#heights[this.#clean] as number)
    }
    return this.#tops[Math.max(0, Math.min(index, this.#heights.length))] as number
  }

  /** Returns the row at this offset; the first or the last row for offsets beyond the ends. */
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

  /** Stores the measured height of row `index`. */
  measure(index: number, height: number): void {
    const item = this.#items[index]
    if (item === undefined || this.#heights[index] === height) return
    this.#measured.set(item.id, height)
    this.#heights[index] = height
    this.#clean = Math.min(this.#clean, index)
  }

  /** Returns the index of an item, or -1 without it. The search begins at its former index. */
  indexOf(id: string, near: number): number {
    for (let distance = 0; distance <= this.#items.length; distance++) {
      if (this.#items[near + distance]?.id === id) return near + distance
      if (this.#items[near - distance]?.id === id) return near - distance
    }
    return -1
  }

  #forgetRemoved(): void {
    const all = this.#measured
    this.#measured = new Map()
    for (const { id } of this.#items) {
      const height = all.get(id)
      if (height !== undefined) this.#measured.set(id, height)
    }
  }

  #known(item: Identified | undefined): number {
    return (item && this.#measured.get(item.id)) ?? guess
  }
}
