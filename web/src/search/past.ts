import { signal } from '@preact/signals'
import type { HistoryOptions, Message, Room } from '@rabble/client'
import { type Change, changed } from '../conversation/changed.ts'
import { onGoOut } from '../state/session.ts'

/** Messages of one request. */
const page = 100
/** More are not held: those at the other end are let go of, and loaded again by whoever goes back there. */
const most = 1_000

/** Where somebody reads, far from the newest messages: around this one. Undefined: at the newest. */
export const past = signal<{ room: string; id: string } | undefined>(undefined)
onGoOut(() => {
  past.value = undefined
})

/**
 * A part of a room's past, from history: without a hole, growing at both ends. The room itself holds the newest messages
 * only, and would have to load all those between.
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

  /** Loads what stands around a message. Resolves with whether it is there. @throws ChatError */
  async open(id: string): Promise<boolean> {
    const answer = await this.#room.history({ around: id, limit: page })
    this.#messages = answer.messages
    this.hasOlder = answer.hasMoreBefore
    this.hasNewer = answer.hasMoreAfter
    return answer.messages.some((message) => message.id === id)
  }

  /** Resolves with whether there is something new. @throws ChatError */
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

  /** An edit or a deletion that happens while it is read. Returns whether it is about anything here. */
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
