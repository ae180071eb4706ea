import type { ChatEvent, ServerFrames } from '@rabble/contract'
import { backoff } from './backoff.ts'
import { catchUp, type Hole } from './catch-up.ts'
import { sleep } from './clock.ts'
import type { RoomHost } from './room-host.ts'
import type { Timeline } from './timeline.ts'
import type { RoomEvent } from './types.ts'

/** Maximum number of remembered event ids, to detect repeated events. */
const maxKnown = 2_000
/** Maximum number of joins in a row without progress. */
const maxVain = 3

export interface SyncOptions {
  room: string
  /** Number of messages to show at the first join. */
  recent: number
  host: Pick<RoomHost, 'catchUp' | 'clock' | 'connection' | 'http' | 'outbox'>
  timeline: Timeline
  /** Takes the counts in a reply to `join`. */
  counted(reply: Pick<ServerFrames['joined'], 'count' | 'capacity'>): void
  /** Takes an event that is missing in the room: missed during an absence, or older than the first entry. */
  append(event: ChatEvent, how: 'missed' | 'old'): void
  emit(event: RoomEvent): void
  changed(): void
  /** Called when nothing is missing any more, before any frame that follows. */
  entered(): void
}

/**
 * Position of a room in its events. Joins the room from there over each connection, so that no event is missed silently or comes
 * twice.
 */
export class RoomSync {
  readonly #options: SyncOptions
  readonly #known = new Set<string>()
  /** Id of the newest event, from which the room resumes after an absence. Empty if the room had no events. */
  #last: string | undefined
  #wasIn = false
  /** Events that can't be read. The gap is reported when its end is known. */
  #hole: { after: string | undefined; why: Hole } | undefined

  constructor(options: SyncOptions) {
    this.#options = options
  }

  /** Whether the room was entered before: later replays contain missed events. */
  get wasIn(): boolean {
    return this.#wasIn
  }

  /** Starts a room that is entered without a join: from its first event, which has just arrived, or from the event `after`. */
  begin(after: string | undefined): void {
    this.#wasIn = true
    this.#last = after
  }

  /** Moves the position to an event. Returns false if the event is known already. */
  remember({ id }: ChatEvent): boolean {
    if (this.#known.has(id)) return false
    this.#known.add(id)
    const [oldest] = this.#known
    if (this.#known.size > maxKnown && oldest !== undefined) this.#known.delete(oldest)
    this.#last = id
    return true
  }

  /**
   * Joins, and closes a gap if there is one: reads from history, then joins again from the last event that it read. `current`
   * tells whether this entry is still wanted.
   */
  async run(current: () => boolean): Promise<void> {
    const { room, host, timeline } = this.#options
    const { clock } = host
    let read = 0
    let told = false
    let vain = 0
    let begins = false
    while (current()) {
      const after = this.#last
      let behind = false
      const recent = this.#wasIn ? 1000 : Math.max(1, this.#options.recent)
      await host.connection.request({ type: 'join', room, recent, after }, (reply) => {
        if (!current()) return
        behind = !reply.complete && this.#wasIn && this.#hole === undefined && !begins
        this.#options.counted(reply)
        if (behind && told) return
        if (!told) {
          const { count, capacity, events } = reply
          const complete = reply.complete && this.#hole === undefined
          this.#options.emit({ type: 'joined', complete, count, capacity, events: events.length })
        }
        told = true
        if (behind) timeline.forget()
        else this.#resume(reply)
      })
      if (!behind) return
      const reached = this.#last
      const why = await catchUp({
        clock,
        after: after || undefined,
        most: host.catchUp - read,
        history: (query) => host.http.history(room, query),
        wanted: current,
        message: (message) => {
          read++
          this.#options.append(message, 'missed')
          this.#options.changed()
        },
        lost: (before) => this.#gap('lost', this.#last, before),
      })
      // No event of the room was known, and history has none: the gateway's events are all there are.
      begins = why === undefined && !this.#last
      if (begins) continue
      vain = this.#last === reached ? vain + 1 : 0
      if (why !== undefined || vain === maxVain) {
        this.#hole = { after: this.#last, why: why ?? 'unknown' }
        this.#last = undefined
      } else if (vain > 0) await sleep(clock, 500 + backoff(vain))
    }
  }

  /** Applies the reply to `join`, and emits a gap if events are missing. Runs before any frame that follows the reply. */
  #resume({ events, complete }: ServerFrames['joined']): void {
    const { room, recent, host, timeline } = this.#options
    const hole = this.#hole
    this.#hole = undefined
    const joinsUp = events.some(({ id }) => this.#known.has(id))
    if (hole !== undefined && !joinsUp) this.#gap(hole.why, hole.after, events[0]?.id)
    const first = !this.#wasIn
    if (complete && events.length === 0) this.#last ??= ''
    if (first && complete && events.length < Math.max(1, recent)) timeline.insert([], false)
    for (const event of events) {
      // The event was requested only as the position to resume from.
      if (first && recent === 0) this.remember(event)
      else this.#options.append(event, first ? 'old' : 'missed')
    }
    this.#wasIn = true
    host.outbox.caughtUp(room)
    this.#options.entered()
  }

  #gap(why: Hole, after: string | undefined, before: string | undefined): void {
    this.#options.timeline.forget()
    this.#options.emit({ type: 'gap', why, after: after || undefined, before })
  }
}
