import type { ChangeEvent as Change, ChatEvent, MessageEvent as Message } from '@rabble/contract'
import { changed } from './changes.ts'

/** Functions for changes, which are loaded later. */
export interface TimelineParts {
  applyChange(message: Message, change: Change): Message
  /** Returns a message of history after changes that may be newer or older than it. */
  afterAll(message: Message, changes: readonly Change[]): Message
}

/** Maximum number of remembered changes. They apply to messages loaded later from a history that may not have the changes yet. */
const maxChanges = 500

/** Newest messages of a room in the order of the log, with their changes applied and without a gap. */
export class Timeline {
  #messages: Message[] = []
  /** Copy of the messages for the application, which lasts until the next change. */
  #copy: readonly Message[] | undefined
  /** Newest changes, in order. */
  #changes: Change[] = []
  readonly #host: { readonly parts: TimelineParts | undefined }
  /** Number of messages to keep, and the present limit, which grows with each page of older messages. */
  readonly #keep: number
  #most: number
  /** Whether there may be messages before the first one. */
  hasOlder = true

  constructor(keep: number, host: { readonly parts: TimelineParts | undefined }) {
    this.#host = host
    this.#keep = keep
    this.#most = keep
  }

  get messages(): readonly Message[] {
    this.#copy ??= [...this.#messages]
    return this.#copy
  }

  /**
   * Appends an event that is newer than all known ones. Returns the message that it is or that it changed; undefined if that is
   * not loaded.
   */
  append(event: ChatEvent): Message | undefined {
    if (event.type === 'message') {
      // History may be a moment ahead of the live events, by one page at most.
      if (this.#messages.slice(-1000).some(({ id }) => id === event.id)) return event
      this.#messages.push(event)
      this.#copy = undefined
      this.#cut(this.#most)
      return event
    }
    this.#changes.push(event)
    if (this.#changes.length > maxChanges) this.#changes.shift()
    const index = this.#messages.findLastIndex(({ id }) => id === event.message)
    const message = this.#messages[index]
    if (message === undefined) return undefined
    const now =
      event.type === 'reaction'
        ? (this.#host.parts?.applyChange(message, event) ?? message)
        : changed(message, event)
    this.#messages[index] = now
    this.#copy = undefined
    return now
  }

  /** Applies the reactions that came before the functions for them. */
  refresh(): void {
    const most = this.#most
    this.insert(this.#messages.splice(0), this.hasOlder)
    this.#most = most
  }

  /** Inserts the messages before the known ones; `hasOlder` says whether history has more. */
  insert(page: readonly Message[], hasOlder: boolean): void {
    // History may lag a moment behind the live events.
    this.#messages.unshift(
      ...page.map((message) => this.#host.parts?.afterAll(message, this.#changes) ?? message),
    )
    this.#copy = undefined
    this.#most += page.length
    this.hasOlder = hasOlder
  }

  /** Drops all messages but the newest. */
  trim(keep: number): void {
    this.#most = this.#keep
    this.#cut(keep)
  }

  /** Drops everything: missed events may have changed known messages, or a gap follows them. The messages are loaded again. */
  forget(): void {
    this.trim(0)
    this.#changes = []
    this.hasOlder = true
  }

  #cut(keep: number): void {
    if (this.#messages.length <= keep) return
    this.#messages.splice(0, this.#messages.length - keep)
    this.#copy = undefined
    this.hasOlder = true
  }
}
