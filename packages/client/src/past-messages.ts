import type { ChatEvent, Message } from './events.ts'
import { applyChange } from './reacted.ts'
import type { Room } from './types.ts'

/** Number of messages per request, and its maximum. */
const page = 100
const largestPage = 1_000
/** Maximum number of messages in memory. Those at the other end are dropped, and loaded again if the reader goes back. */
const most = 1_000

/** Edit, deletion or reaction. */
export type Change = Exclude<ChatEvent, { type: 'message' }>

/**
 * Contiguous range of a room's older messages from history, which grows at both ends. The room itself holds only the newest
 * messages, and would have to load all those between.
 */
export class PastMessages {
  readonly #room: Pick<Room, 'history'>
  #messages: readonly Message[] = []
  #isLoading = false
  #hasOlder = false
  #hasNewer = false

  constructor(room: Pick<Room, 'history'>) {
    this.#room = room
  }

  /** The messages of the range; another list after each change. */
  get messages(): readonly Message[] {
    return this.#messages
  }

  get hasOlder(): boolean {
    return this.#hasOlder
  }

  get hasNewer(): boolean {
    return this.#hasNewer
  }

  /** Loads the messages around the one with this id. Resolves with whether that one exists. @throws ChatError */
  async open(id: string): Promise<boolean> {
    const { messages, hasMoreBefore, hasMoreAfter } = await this.#room.history({ around: id, limit: page })
    this.#messages = messages
    this.#hasOlder = hasMoreBefore
    this.#hasNewer = hasMoreAfter
    return messages.some((message) => message.id === id)
  }

  /** Loads a page before the first message. Resolves with whether it did. @throws ChatError */
  loadOlder(): Promise<boolean> {
    return this.#load(true)
  }

  /** Loads a page behind the last message. Resolves with whether it did. @throws ChatError */
  loadNewer(): Promise<boolean> {
    return this.#load(false)
  }

  /** Applies a change of the room. Returns whether it changed a message of the range. */
  change(change: Change): boolean {
    const before = this.#messages
    this.#messages = before.map((message) => applyChange(message, change))
    return this.#messages.some((message, index) => message !== before[index])
  }

  async #load(older: boolean): Promise<boolean> {
    const edge = this.#messages.at(older ? 0 : -1)
    if (edge === undefined || this.#isLoading || !(older ? this.#hasOlder : this.#hasNewer)) return false
    this.#isLoading = true
    try {
      const where = older ? { before: edge.id } : { after: edge.id }
      const { messages, hasMore } = await this.#room.history({ ...where, limit: page })
      const all = older ? [...messages, ...this.#messages] : [...this.#messages, ...messages]
      this.#messages = older ? all.slice(0, most) : all.slice(-most)
      if (older) this.#hasOlder = hasMore
      else this.#hasNewer = hasMore
      if (all.length > most && older) this.#hasNewer = true
      if (all.length > most && !older) this.#hasOlder = true
      return true
    } finally {
      this.#isLoading = false
    }
  }
}

/**
 * Finds the oldest message of a room at `from` or later; undefined if there is none. Reads history page by page, beginning with
 * the newest, since history can't search by time. Calls `looked` with the oldest message of each page, and keeps no page.
 * @throws ChatError
 */
export async function findMessageAt(
  room: Pick<Room, 'history'>,
  from: Date,
  options: { signal?: AbortSignal; looked?: (oldest: Message) => void } = {},
): Promise<Message | undefined> {
  let found: Message | undefined
  let before: string | undefined
  while (options.signal?.aborted !== true) {
    const { messages, hasMore } = await room.history({ limit: largestPage, ...(before && { before }) })
    const [oldest] = messages
    if (oldest === undefined) return found
    // Clocks of gateways differ. The order is that of the log.
    found = messages.find(({ at }) => Date.parse(at) >= from.getTime()) ?? found
    if (!hasMore || Date.parse(oldest.at) < from.getTime()) return found
    options.looked?.(oldest)
    before = oldest.id
  }
  return undefined
}
