import type { Message } from '@rabble/client'
import { Heights } from './heights.ts'

/** Pixels beyond what can be seen that are drawn, too. */
const overscan = 1_200
/** When fewer are left, more are drawn. */
const reserve = 500
/** Pixels: closer to the end counts as being there. */
const closeToEnd = 48

/** What stays where it is on the screen, whatever happens above and below it: this row, so far below the upper edge. */
interface Anchor {
  id: string
  /** Where it was in the list. */
  index: number
  top: number
}

/**
 * Which rows of a long list are drawn, and where it is scrolled to. The rows stand in the page's normal flow, with as much space
 * above and below as the others would take. Nothing is ever moved by what it should measure: after each change the row that
 * was looked at is looked up, and scrolled back to where it was. At the end, the list stays at its end.
 */
export class Viewport {
  readonly heights = new Heights()
  /** Rows `first` up to, without, `last` are drawn. */
  first = 0
  last = 0
  atEnd = true
  #anchor: Anchor | undefined
  #items: readonly Message[] = []
  #lastTop = 0
  #lastHeight = 0

  /** Decides what is drawn of these messages, in a window of so many pixels. */
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
   * Somebody may have scrolled since, and the event of that is still to come: what is drawn now must not take it back. Comes
   * before anything is drawn, which may move things, too.
   */
  moved({ scrollTop, scrollHeight, clientHeight }: HTMLElement): void {
    const by = scrollTop - this.#lastTop
    if (by === 0 || this.#anchor === undefined) return
    if (this.atEnd && scrollHeight - scrollTop - clientHeight <= closeToEnd) return
    this.atEnd = false
    this.#anchor = { ...this.#anchor, top: this.#anchor.top - by }
    this.#lastTop = scrollTop
  }

  /** Whether what is drawn is about to be not enough. */
  scant(height: number): boolean {
    const start = this.#start(height)
    const above = this.first > 0 && start - reserve < this.heights.top(this.first)
    const below = this.last < this.heights.length && start + height + reserve > this.heights.top(this.last)
    return above || below
  }

  /** Pixels from the first message to the upper edge of what can be seen. */
  above(height: number): number {
    return this.#start(height)
  }

  /** Somebody has scrolled, or something else has: `rows` are what is drawn. */
  scrolled(scroller: HTMLElement, list: HTMLElement): void {
    const { scrollTop, scrollHeight, clientHeight } = scroller
    const left = scrollHeight - scrollTop - clientHeight
    // What has grown while it was at its end still is.
    const grown = this.atEnd && scrollTop >= this.#lastTop - 1 && scrollHeight > this.#lastHeight
    this.atEnd = left <= closeToEnd || grown
    this.#remember(scroller, list)
  }

  /** Everything is drawn: measures it, and puts what was looked at back to where it was. */
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
    // Where it could not be scrolled to, it is where it is.
    this.#remember(scroller, list)
  }

  /** Puts a message into the upper part of what can be seen. */
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
    // It is gone with the oldest ones: the first one there is.
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
      // The first one loses its day and its name once older ones stand above it: what stands below is to stay.
      if (index === 0 && this.last > 1 && box.bottom < edge + scroller.clientHeight) continue
      // Beyond what is drawn, after a leap.
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
