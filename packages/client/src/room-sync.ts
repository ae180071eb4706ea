import type { ChatEvent, ServerFrames } from '@rabble/contract'
import type { Hole, LiveRoom, Position } from './room-host.ts'
import type { RoomEvent } from './types.ts'

/** Maximum number of remembered event ids, to detect repeated events. */
const maxKnown = 2_000

/**
 * Position of a room in its events. Joins the room from there over each connection, so that no event is missed silently or comes
 * twice.
 */
export class RoomSync implements Position {
  /** Id of the newest event, from which the room resumes after an absence. Empty if the room had no events. */
  last: string | undefined
  /** Events that can't be read. The gap is reported when its end is known. */
  hole: { after: string | undefined; reason: Hole } | undefined
  /** Whether the room was entered before: later replays contain missed events. */
  wasIn = false
  readonly #room: LiveRoom
  /** Number of messages to show at the first join. */
  readonly #recent: number
  readonly #known = new Set<string>()

  constructor(room: LiveRoom, recent: number) {
    this.#room = room
    this.#recent = recent
  }

  /** Starts a room that is entered without a join: from its first event, which has just arrived, or from the event `after`. */
  begin(after: string | undefined): void {
    this.wasIn = true
    this.last = after
  }

  /** Moves the position to an event. Returns false if the event is known already. */
  remember({ id }: ChatEvent): boolean {
    if (this.#known.has(id)) return false
    this.#known.add(id)
    const [oldest] = this.#known
    if (this.#known.size > maxKnown && oldest !== undefined) this.#known.delete(oldest)
    this.last = id
    return true
  }

  /**
   * Joins, and closes a gap if there is one: reads from history, then joins again from the last event that it read. `current`
   * tells whether this entry is still wanted.
   */
  async run(current: () => boolean): Promise<void> {
    const room = this.#room
    const { name, host } = room
    const progress = { read: 0, vain: 0, begins: false }
    let told = false
    while (current()) {
      const after = this.last
      let behind = false
      const recent = this.wasIn ? 1000 : Math.max(1, this.#recent)
      await host.connection.request({ type: 'join', room: name, recent, after }, (reply) => {
        if (!current()) return
        behind = !reply.complete && this.wasIn && this.hole === undefined && !progress.begins
        room.counted(reply)
        if (behind && told) return
        if (!told) {
          const { count, capacity, events } = reply
          const complete = reply.complete && this.hole === undefined
          this.tell({ type: 'joined', complete, count, capacity, events: events.length })
        }
        told = true
        // A listener may have left the room, and perhaps joined it anew.
        if (!current()) behind = false
        else if (behind) room.timeline.forget()
        else this.#resume(reply)
      })
      if (!behind) return
      const { catchUp } = await host.load()
      await catchUp(room, this, progress, current)
    }
  }

  /** Tells an event, unless the room was left meanwhile, and perhaps joined anew. */
  tell(event: RoomEvent): void {
    if (this.#isCurrent) this.#room.tell(event)
  }

  /** Takes an event that is missing in the room: missed during an absence, or older than the first entry. */
  append(event: ChatEvent, how: 'missed' | 'old'): void {
    if (this.#isCurrent) this.#room.append(event, how)
  }

  gap(reason: Hole, after: string | undefined, before: string | undefined): void {
    this.#room.timeline.forget()
    this.tell({ type: 'gap', reason, after: after || undefined, before })
  }

  get #isCurrent(): boolean {
    return this.#room.sync === this
  }

  /** Applies the reply to `join`, and emits a gap if events are missing. Runs before any frame that follows the reply. */
  #resume({ events, complete }: ServerFrames['joined']): void {
    const room = this.#room
    const recent = this.#recent
    const hole = this.hole
    this.hole = undefined
    const joinsUp = events.some(({ id }) => this.#known.has(id))
    if (hole !== undefined && !joinsUp) this.gap(hole.reason, hole.after, events[0]?.id)
    const first = !this.wasIn
    if (complete && events.length === 0) this.last ??= ''
    if (first && complete && events.length < Math.max(1, recent)) room.timeline.insert([], false)
    for (const event of events) {
      // The event was requested only as the position to resume from.
      if (first && recent === 0) this.remember(event)
      else this.append(event, first ? 'old' : 'missed')
    }
    this.wasIn = true
    room.host.outbox.caughtUp(room.name)
    if (this.#isCurrent) room.nowIn()
  }
}
