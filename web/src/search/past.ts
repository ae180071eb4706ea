import { signal } from '@preact/signals'
import type { HistoryOptions, Message, Room } from '@rabble/client'
import { type Change, changed } from '../conversation/changed.ts'
import { onSignOut } from '../state/session.ts'

/** Number of messages per request. */
const page = 100
/** Maximum number of messages in memory. Those at the other end are dropped, and loaded again if the reader goes back. */
const most = 1_000

/** Message around which the user reads, far from the newest ones. Undefined: at the newest. */
export const past = signal<{ room: string; id: string } | undefined>(undefined)
onSignOut(() => {
  past.value = undefined
})

/**
 * A contiguous range of a room's older messages from history, which grows at both ends. The room object holds only the newest
 * messages, and would have to load all those between.
 */
export class Past {
  readonly #room: Room
  #messages: Message[] = []
  #loading = false
  hasOlder = false
  hasNewer = false

  constructor(room: Room) {
    this.#room = room
  }

  get messages(): readonly Message[] {
    return this.#messages
  }

  /** Loads the messages around one. Resolves with whether that one exists. @throws ChatError */
  async open(id: string): Promise<boolean> {
    const answer = await this.#room.history({ around: id, limit: page })
    this.#messages = answer.messages
    this.hasOlder = answer.hasMoreBefore
    this.hasNewer = answer.hasMoreAfter
    return answer.messages.some((message) => message.id === id)
  }

  /** Loads a page at one end. Resolves with whether it did. @throws ChatError */
  async load(end: 'older' | 'newer'): Promise<boolean> {
    const older = end === 'older'
    const edge = this.#messages.at(older ? 0 : -1)
    if (edge === undefined || this.#loading || !(older ? this.hasOlder : this.hasNewer)) return false
    this.#loading = true
    try {
      const options: HistoryOptions = older ? { before: edge.id } : { after: edge.id }
      const { messages, hasMore } = await this.#room.history({ ...options, limit: page })
      this.#messages = older ? [...messages, ...this.#messages] : [...this.#messages, ...messages]
      if (older) this.hasOlder = hasMore
      else this.hasNewer = hasMore
      this.#trim(older)
      return true
    } finally {
      this.#loading = false
    }
  }

  /** Applies an edit or a deletion. Returns whether it changed a message of this range. */
  change(change: Change): boolean {
    const index = this.#messages.findIndex(({ id }) => id === change.message)
    const message = this.#messages[index]
    if (message === undefined) return false
    const now = changed(message, change)
    this.#messages[index] = now
    return now !== message
  }

  #trim(keepOldest: boolean): void {
    const extra = this.#messages.length - most
    if (extra <= 0) return
    if (keepOldest) {
      this.#messages.length = most
      this.hasNewer = true
    } else {
      this.#messages.splice(0, extra)
      this.hasOlder = true
    }
  }
}
