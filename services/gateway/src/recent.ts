import type { ChangeEvent, ChatEvent, MessageEvent } from '@rabble/contract'
import { applyChange, changesIn, messageIn, type Stretch, targetOf } from './stretch.ts'

/**
 * The newest events of each room, to answer `join` without asking anybody. Bounded three ways: events per room, bytes
 * per room, bytes in total; over the total, the rooms that were quiet for longest are forgotten whole.
 */
export interface Recent {
  /** Remembers the line of an event, which is copied; of a change, also what it makes of its message. */
  add(event: ChatEvent, line: Buffer): void
  /** The lines of what followed `id`, some of them empty; undefined if `id` isn't remembered. */
  after(room: string, id: string): string[] | undefined
  /** `id` and what followed; undefined if `id` isn't remembered. */
  from(room: string, id: string): string[] | undefined
  /** The id of the oldest that is remembered. */
  oldest(room: string): string | undefined
  /** A message as it is by now, if it is remembered. */
  message(room: string, id: string): MessageEvent | undefined
  /**
   * The edits and deletions that are remembered, in order, of all messages or of one; without those that newer ones have
   * made pointless.
   */
  changes(room: string, message?: string): ChangeEvent[]
  /**
   * Remembers events of a room of which nothing is remembered and nothing newer exists: as many of the newest as there
   * is room for. Returns how many.
   */
  restore(room: string, ids: readonly string[], lines: readonly string[]): number
  /** Keeps a room's oldest while somebody is about to need it, within the bounds in bytes. */
  hold(room: string): Hold
  /** The lines of the newest `count`; `complete` tells whether these are all that the room has, or as many as were asked for. */
  newest(room: string, count: number): { lines: string[]; complete: boolean }
  /** Forgets the rooms of a partition, of which events were lost. */
  forget(isLost: (room: string) => boolean): void
  /** Says that the log was read from its very first event on, so a room that isn't remembered has no messages. */
  sawBeginning(): void
  readonly bytes: number
  readonly rooms: number
}

export interface Hold {
  /** Whether events of the room were dropped all the same; whoever holds it may set it back. */
  lost: boolean
  release(): void
}

/** What is before `head` is cut off now and then, not at each event. */
interface Room extends Stretch {
  bytes: number
  /** Whether events of this room were dropped. */
  cut: boolean
}

/** About what a remembered line costs besides its bytes. */
const overhead = 100

export function createRecent(limits: { perRoom: number; totalBytes: number }): Recent {
  const rooms = new Map<string, Room>()
  const roomBytes = limits.totalBytes / 8
  const held = new Map<string, Set<Hold>>()
  let total = 0
  // Until the log's beginning was seen, and once a room was forgotten or events were lost, an unknown room may have events
  // elsewhere.
  let all = false

  function tellHolders(name: string): void {
    for (const hold of held.get(name) ?? []) hold.lost = true
  }

  function dropOldest(name: string, room: Room): void {
    tellHolders(name)
    const size = (room.lines[room.head]?.length ?? 0) + overhead
    room.lines[room.head] = ''
    room.ids[room.head] = ''
    room.targets[room.head] = ''
    room.head++
    room.bytes -= size
    total -= size
    room.cut = true
    if (room.head > 64 && room.head * 2 > room.lines.length) {
      room.lines.splice(0, room.head)
      room.ids.splice(0, room.head)
      room.targets.splice(0, room.head)
      room.head = 0
    }
  }

  function forget(name: string, room: Room): void {
    rooms.delete(name)
    total -= room.bytes
    all = false
    tellHolders(name)
  }

  function forgetQuietest(): void {
    for (const [name, room] of rooms) {
      forget(name, room)
      return
    }
  }

  function remember(name: string, id: string, line: string, target: string): void {
    const room = rooms.get(name) ?? emptyRoom(!all)
    // Taken out and put back: a Map keeps its order of insertion, so the quietest room comes first.
    rooms.delete(name)
    rooms.set(name, room)
    const size = line.length + overhead
    room.ids.push(id)
    room.lines.push(line)
    room.targets.push(target)
    room.bytes += size
    total += size
    const most = held.has(name) ? Number.POSITIVE_INFINITY : limits.perRoom
    while (room.lines.length - room.head > most || (room.bytes > roomBytes && room.bytes > size))
      dropOldest(name, room)
    while (total > limits.totalBytes && rooms.size > 1) forgetQuietest()
  }

  /** -1 if it isn't remembered. */
  function indexOf(room: Room | undefined, id: string): number {
    const index = room?.ids.lastIndexOf(id) ?? -1
    return room === undefined || index < room.head ? -1 : index
  }

  /** Whether the change counts, as far as this gateway knows. */
  function change(event: ChangeEvent): boolean {
    const room = rooms.get(event.room)
    if (room === undefined) return true
    const { grown, counts } = applyChange(room, event)
    room.bytes += grown
    total += grown
    return counts
  }

  return {
    add(event, line) {
      const { type, room, id } = event
      if (type === 'message') remember(room, id, line.toString('latin1'), '')
      else remember(room, id, change(event) ? line.toString('latin1') : '', event.message)
    },

    after(name, id) {
      const room = rooms.get(name)
      const index = indexOf(room, id)
      return index === -1 ? undefined : room?.lines.slice(index + 1)
    },

    from(name, id) {
      const room = rooms.get(name)
      const index = indexOf(room, id)
      return index === -1 ? undefined : room?.lines.slice(index)
    },

    oldest(name) {
      const room = rooms.get(name)
      return room?.ids[room.head]
    },

    message(name, id) {
      const room = rooms.get(name)
      return room && messageIn(room, id)
    },

    changes(name, message) {
      const room = rooms.get(name)
      return room === undefined ? [] : changesIn(room, message)
    },

    restore(name, ids, lines) {
      if (rooms.has(name)) return 0
      // There may be older ones, whatever was known of the log.
      rooms.set(name, emptyRoom(true))
      for (const [index, line] of lines.entries()) remember(name, ids[index] ?? '', line, targetOf(line))
      const room = rooms.get(name)
      return room === undefined ? 0 : room.lines.length - room.head
    },

    hold(name) {
      const holders = held.get(name) ?? new Set()
      const hold: Hold = {
        lost: false,
        release() {
          holders.delete(hold)
          if (holders.size === 0 && held.get(name) === holders) held.delete(name)
        },
      }
      held.set(name, holders.add(hold))
      return hold
    },

    newest(name, count) {
      const room = rooms.get(name)
      if (room === undefined) return { lines: [], complete: all || count === 0 }
      const lines: string[] = []
      for (let index = room.lines.length - 1; index >= room.head && lines.length < count; index--) {
        const line = room.lines[index] ?? ''
        if (line !== '') lines.push(line)
      }
      lines.reverse()
      return { lines, complete: lines.length === count || !room.cut }
    },

    forget(isLost) {
      for (const [name, room] of rooms) if (isLost(name)) forget(name, room)
      // Somebody may be asking for a room of which nothing is remembered.
      for (const name of held.keys()) if (isLost(name)) tellHolders(name)
      all = false
    },

    sawBeginning() {
      all = true
    },
    get bytes() {
      return total
    },
    get rooms() {
      return rooms.size
    },
  }
}

function emptyRoom(cut: boolean): Room {
  return { ids: [], lines: [], targets: [], head: 0, bytes: 0, cut }
}
