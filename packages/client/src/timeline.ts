import type { ChangeEvent as Change, ChatEvent, MessageEvent as Message } from '@rabble/contract'
import { changed } from './changes.ts'

/** Changes that are remembered for messages which are still to be loaded from a history that may not know of them yet. */
const maxChanges = 500

/** The newest messages of a room in the order of the log, each as it is by now, with nothing missing between them. */
export class Timeline {
  #messages: Message[] = []
  /** The newest edits and deletions, in order. */
  #changes: Change[] = []
  /** How many messages are kept by themselves, and how many now that older ones were loaded. */
  readonly #keep: number
  #most: number
  #hasOlder = true

  constructor(keep: number) {
    this.#keep = keep
    this.#most = keep
  }

  get messages(): readonly Message[] {
    return this.#messages
  }

  /** Whether there may be messages before the first one. */
  get hasOlder(): boolean {
    return this.#hasOlder
  }

  /** An event that follows everything known. Returns what a change has made of its message, if that is there. */
  append(event: ChatEvent): Message | undefined {
    if (event.type === 'message') {
      // Or a moment ahead: not more than a page.
      if (this.#messages.slice(-1000).some(({ id }) => id === event.id)) return event
      this.#messages.push(event)
      this.#cut(this.#most)
      return event
    }
    this.#changes.push(event)
    if (this.#changes.length > maxChanges) this.#changes.shift()
    const index = this.#messages.findLastIndex(({ id }) => id === event.message)
    const message = this.#messages[index]
    if (message === undefined) return undefined
    const now = changed(message, event)
    this.#messages[index] = now
    return now
  }

  /** The messages before those known, in order, and whether there are older ones still. Returns how many were new. */
  insert(page: readonly Message[], hasOlder: boolean): number {
    // The history may be a moment behind what was told live.
    this.#messages.unshift(...page.map((message) => this.#changes.reduce(changed, message)))
    this.#most += page.length
    this.#hasOlder = hasOlder
    return page.length
  }

  /** Lets go of all but the newest. */
  trim(keep: number): void {
    this.#most = this.#keep
    this.#cut(keep)
  }

  /** What was known may have been changed by what was missed, or there is a hole behind it: it is loaded again. */
  forget(): void {
    this.trim(0)
    this.#changes = []
    this.#hasOlder = true
  }

  #cut(keep: number): void {
    if (this.#messages.length <= keep) return
    this.#messages.splice(0, this.#messages.length - keep)
    this.#hasOlder = true
  }
}
