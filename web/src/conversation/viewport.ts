import type { Message } from '@rabble/client'
import { Heights } from './heights.ts'

/** Distance (px) beyond the visible part up to which rows are drawn. */
const overscan = 1_200
/** Distance (px) to the end of the drawn rows at which more are drawn. */
const reserve = 500
/** Distance (px) to the end of the list that counts as being there. */
const closeToEnd = 48

/** The row that keeps its place on the screen when rows around it change. `top` is its distance (px) to the upper edge. */
interface Anchor {
  id: string
  /** Its last known index in the list. */
  index: number
  top: number
}

/**
 * Decides which rows of a long list are drawn, and holds its scroll position. The rows are in the normal flow of the page, with
 * padding above and below for the rows that are not drawn. After each change the anchor row is measured and scrolled back to
 * its place, so wrong assumed heights move nothing. At its end, the list stays there.
 */
export class Viewport {
  readonly heights = new Heights()
  /** Range of the drawn rows, without `last`. */
  first = 0
  last = 0
  atEnd = true
  #anchor: Anchor | undefined
  #items: readonly Message[] = []
  #lastTop = 0
  #lastHeight = 0

  /** Decides which of these messages are drawn, in a window of `height` pixels. */
  follow(items: readonly Message[], height: number): void {
    this.#items = items
    this.heights.follow(items)
    const { heights } = this
    const start = this.#start(height)
    this.first = heights.at(start - overscan)
    this.last = items.length === 0 ? 0 : heights.at(start + height + overscan) + 1
    if (this.atEnd) this.last = items.length
  }

  /**
   * Takes over scrolling whose event is still to come, so that the next draw doesn't undo it. Call it before the draw, which
   * may scroll as well.
   */
  moved({ scrollTop, scrollHeight, clientHeight }: HTMLElement): void {
    const by = scrollTop - this.#lastTop
    if (by === 0 || this.#anchor === undefined) return
    if (this.atEnd && scrollHeight - scrollTop - clientHeight <= closeToEnd) return
    this.atEnd = false
    this.#anchor = { ...this.#anchor, top: this.#anchor.top - by }
    this.#lastTop = scrollTop
  }

  /** Whether more rows must be drawn soon. */
  scant(height: number): boolean {
    const start = this.#start(height)
    const above = this.first > 0 && start - reserve < this.heights.top(this.first)
    const below = this.last < this.heights.length && start + height + reserve > this.heights.top(this.last)
    return above || below
  }

  /** Returns the distance (px) from the first message to the upper edge of the visible part. */
  above(height: number): number {
    return this.#start(height)
  }

  /** Handles a scroll event, of the user or of a change of the page. `list` holds the drawn rows. */
  scrolled(scroller: HTMLElement, list: HTMLElement): void {
    const { scrollTop, scrollHeight, clientHeight } = scroller
    const left = scrollHeight - scrollTop - clientHeight
    // A list that grew while it was at its end is still at its end.
    const grown = this.atEnd && scrollTop >= this.#lastTop - 1 && scrollHeight > this.#lastHeight
    this.atEnd = left <= closeToEnd || grown
    this.#remember(scroller, list)
  }

  /** Measures the drawn rows after a draw, and scrolls the anchor back to its place. */
  settle(scroller: HTMLElement, list: HTMLElement): void {
    for (let index = this.first; index < this.last; index++) {
      const row = list.children[index - this.first]
      if (row !== undefined) this.heights.measure(index, row.getBoundingClientRect().height)
    }
    list.style.paddingTop = `${this.heights.top(this.first)}px`
    list.style.paddingBottom = `${this.heights.total - this.heights.top(this.last)}px`
    if (this.atEnd) scroller.scrollTop = scroller.scrollHeight
    else if (this.#anchor !== undefined) {
      const row = list.children[this.#anchor.index - this.first]
      const top = row && row.getBoundingClientRect().top - scroller.getBoundingClientRect().top
      if (top !== undefined && Math.abs(top - this.#anchor.top) >= 0.5)
        scroller.scrollTop += top - this.#anchor.top
    }
    // If the list can't scroll that far, the anchor takes its actual place.
    this.#remember(scroller, list)
  }

  /** Places a message in the upper part of the window at the next draw. */
  show(id: string, height: number): void {
    this.atEnd = false
    this.#anchor = { id, index: 0, top: Math.round(height / 4) }
  }

  end(): void {
    this.atEnd = true
  }

  #start(height: number): number {
    if (this.atEnd) return this.heights.total - height
    if (this.#anchor === undefined) return 0
    const index = this.heights.indexOf(this.#anchor.id, this.#anchor.index)
    // It was removed with the oldest ones: starts at the first row.
    this.#anchor = index === -1 ? undefined : { ...this.#anchor, index }
    return this.#anchor === undefined ? 0 : this.heights.top(index) - this.#anchor.top
  }

  #remember(scroller: HTMLElement, list: HTMLElement): void {
    this.#lastTop = scroller.scrollTop
    this.#lastHeight = scroller.scrollHeight
    const edge = scroller.getBoundingClientRect().top
    for (let index = this.first; index < this.last; index++) {
      const box = list.children[index - this.first]?.getBoundingClientRect()
      if (box === undefined || box.bottom <= edge) continue
      // The first row loses its day and its name when older ones appear above it. The row below is a better anchor.
      if (index === 0 && this.last > 1 && box.bottom < edge + scroller.clientHeight) continue
      // The window is beyond the drawn rows after a jump.
      if (box.top > edge + scroller.clientHeight) break
      this.#set(index, box.top - edge)
      return
    }
    const offset = scroller.scrollTop - list.offsetTop
    const index = this.heights.at(offset)
    this.#set(index, this.heights.top(index) - offset)
  }

  #set(index: number, top: number): void {
    const id = this.#items[index]?.id
    this.#anchor = id === undefined ? undefined : { id, index, top }
  }
}
