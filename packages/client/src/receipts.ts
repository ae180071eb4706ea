import type { ServerFrames } from '@rabble/contract'
import { backoff } from './backoff.ts'
import { sleep } from './clock.ts'
import type { ChatError } from './errors.ts'
import type { LiveRoom } from './room-host.ts'
import type { Chat, Room } from './types.ts'

/** How far others have read. Every part keeps its identity until it changes. */
export interface ReceiptsSnapshot {
  /** `hidden`: the room doesn't show it, it has too many members, or the user doesn't show theirs. */
  readonly status: 'loading' | 'shown' | 'hidden'
  /** The message up to which each of the others has read, by the user's id. Users who don't show it are absent. */
  readonly positions: ReadonlyMap<string, string>
}

/** Read positions of the others in a room, kept up to date over reconnects. */
export interface Receipts {
  readonly getSnapshot: () => ReceiptsSnapshot
  /** Calls `listener` after each change, until the returned function is called. New messages of the room are no change. */
  readonly subscribe: (listener: () => void) => () => void
  /**
   * Returns the ids of the others who have read a message, other than its author: who has read it or a later one, or has written a
   * later one. None if the message is not among the room's `messages`.
   */
  seenBy(message: string): string[]
  /** Stops following. The server sends no more of it once nothing in this client follows the room. */
  close(): void
}

type Parts = LiveRoom & Pick<Room, 'on'> & { host: Pick<Chat, 'on' | 'user'> }

/** Number of followers of each room. */
const followers = new WeakMap<object, number>()

/** Follows how far others have read in a room that is joined, or in a room of direct messages that is. */
export function followReceipts(room: Pick<Room, 'name'>): Receipts {
  const live = room as unknown as Parts
  const { name, host } = live
  const listeners = new Set<() => void>()
  let snapshot: ReceiptsSnapshot = { status: 'loading', positions: new Map() }
  let turn = 0
  let isClosed = false

  function set(status: ReceiptsSnapshot['status'], positions: ReceiptsSnapshot['positions']): void {
    snapshot = { status, positions }
    for (const listener of [...listeners]) listener()
  }

  function whole({ shown, receipts }: ServerFrames['receipts']): void {
    set(shown ? 'shown' : 'hidden', shown ? withReceipts([], receipts) : new Map())
  }

  function withReceipts(
    before: Iterable<[string, string]>,
    receipts: ServerFrames['receipts']['receipts'],
  ): Map<string, string> {
    const positions = new Map(before)
    for (const { user, upTo } of receipts) if (user !== host.user?.id) positions.set(user, upTo ?? '')
    return positions
  }

  /** Asks for all positions, and for all changes from then on. */
  async function refresh(): Promise<void> {
    const own = ++turn
    for (let attempt = 0; own === turn && live.status === 'joined'; attempt++) {
      try {
        // The frames behind the reply change what it says.
        const take = (reply: ServerFrames['receipts']) => {
          if (own === turn) whole(reply)
        }
        await host.connection.request({ type: 'receipts', room: name }, take)
        return
      } catch (problem) {
        const error = problem as ChatError
        if (own !== turn || !error.retry || error.code === 'disconnected') return
        await sleep(host.clock, (error.retryAfter ?? 1_000) + backoff(attempt))
      }
    }
  }

  const ends = [
    live.on('state', ({ state }) => {
      if (state.status === 'joined') void refresh()
    }),
    host.on('receipts', (frame) => {
      if (frame.room === name) whole(frame)
    }),
    host.on('read', (frame) => {
      if (frame.room !== name || snapshot.status !== 'shown') return
      const positions = withReceipts(snapshot.positions, frame.receipts)
      for (const user of frame.removed ?? []) positions.delete(user)
      set('shown', positions)
    }),
    // Users who hide theirs see no others.
    host.on('privacy', () => void refresh()),
  ]
  followers.set(live, (followers.get(live) ?? 0) + 1)
  void refresh()

  return {
    getSnapshot: () => snapshot,
    subscribe(listener) {
      const entry = () => listener()
      listeners.add(entry)
      return () => listeners.delete(entry)
    },
    seenBy(message) {
      const readers = new Map<string, string[]>()
      for (const [user, upTo] of snapshot.positions) readers.set(upTo, [...(readers.get(upTo) ?? []), user])
      const seen = new Set<string>()
      for (const { id, from } of [...live.messages].reverse()) {
        for (const user of readers.get(id) ?? []) seen.add(user)
        if (snapshot.positions.has(from.id)) seen.add(from.id)
        if (id !== message) continue
        seen.delete(from.id)
        return [...seen]
      }
      return []
    },
    close() {
      turn++
      for (const end of ends) end()
      listeners.clear()
      if (isClosed) return
      isClosed = true
      const left = (followers.get(live) ?? 1) - 1
      followers.set(live, left)
      if (left > 0 || live.status !== 'joined') return
      // A session that has ended follows nothing.
      host.connection.request({ type: 'receipts', room: name, follow: false }).catch(() => {})
    },
  }
}
