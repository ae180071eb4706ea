import type { ChangeEvent, ChatEvent, MessageEvent } from '@rabble/contract'
import { type ByteString, byteString, noBytes, partitionOf } from '@rabble/event-log'
import { applyChange, changesIn, type EventRange, messageIn, targetOf } from './event-range.ts'

/**
 * The newest events of each room, to answer `join` without any call. They are bounded three ways: events per room, bytes per
 * room, bytes in total. Over the total, the rooms that were quiet for longest are forgotten completely.
 */
export interface RoomBuffers {
  /**
   * Remembers an event and its line, which is copied. A change is also applied to its message. `offset` is that of its batch in
   * the log. A `doubtful` event may repeat one that is further back in the log than this memory reaches: it is delivered, but it
   * is no place to resume from.
   */
  add(event: ChatEvent, line: Buffer, offset: number, doubtful?: boolean): void
  /**
   * Returns the lines of the events that followed `id`, some of them empty; undefined if `id` isn't remembered, or is doubtful.
   * The empty id stands before the room's first event.
   */
  after(room: string, id: string): ByteString[] | undefined
  /** Returns all events behind an offset of the log; undefined if some of them may have been forgotten. */
  behind(room: string, offset: number): Remembered | undefined
  /** Returns the highest offset of the log at or before which events of the room may be missing here; -1 if none are. */
  missing(room: string): number
  /** Returns the current version of a message, if it is remembered and not doubtful. */
  message(room: string, id: string): MessageEvent | undefined
  /**
   * Returns the remembered edits and deletions, in order, of all messages or of one, without those that newer ones have
   * superseded.
   */
  changes(room: string, message?: string): ChangeEvent[]
  /**
   * Remembers events of a room of which nothing is remembered, as far as there is space for them. They are all events from the
   * first of them up to `offset`.
   */
  restore(room: string, ids: readonly string[], lines: readonly ByteString[], offset: number): void
  /** Keeps a room's oldest events, within the bounds in bytes, until the returned function is called. */
  pin(room: string): () => void
  /** Returns the lines of the newest `count` events. `complete`: they are all that the room has, or as many as `count`. */
  newest(room: string, count: number): { lines: ByteString[]; complete: boolean }
  /**
   * Forgets the rooms of a partition. From now on, events up to `offset` may be missing: -1 if the next event is the first of the
   * log, so that a room that isn't remembered has no messages. Call it before the first event.
   */
  begin(partition: number, offset: number): void
  readonly bytes: number
  readonly rooms: number
}

/** Part of a room. */
export interface Remembered {
  ids: readonly string[]
  /** Empty for an event that is no longer replayed. */
  lines: readonly ByteString[]
}

/** A room. Entries before `head` are removed now and then, not at each event. */
interface Room extends EventRange {
  bytes: number
  /** For each event, the offset of its batch in the log. */
  offsets: number[]
  /** See `RoomBuffers.missing`. */
  missing: number
  /** Ids that may repeat older ones; undefined if there were none yet. */
  doubtful: Set<string> | undefined
}

/** Approximate cost (bytes) of a remembered line besides its bytes. */
const overhead = 100

/** `partitions`: number of partitions of the log. */
export function createRoomBuffers(
  limits: { perRoom: number; totalBytes: number },
  partitions = 1,
): RoomBuffers {
  const rooms = new Map<string, Room>()
  const roomBytes = limits.totalBytes / 8
  /** Number of pins of each room. */
  const pins = new Map<string, number>()
  /** For each partition, the value of `missing` for rooms that are not remembered: infinite until reading begins. */
  const missing: number[] = new Array(partitions).fill(Number.POSITIVE_INFINITY)
  let total = 0

  function dropOldest(room: Room): void {
    const size = (room.lines[room.head]?.length ?? 0) + overhead
    room.doubtful?.delete(room.ids[room.head] ?? '')
    room.missing = Math.max(room.missing, room.offsets[room.head] ?? -1)
    room.lines[room.head] = noBytes
    room.ids[room.head] = ''
    room.targets[room.head] = ''
    room.head++
    room.bytes -= size
    total -= size
    if (room.head > 64 && room.head * 2 > room.lines.length) {
      room.lines.splice(0, room.head)
      room.ids.splice(0, room.head)
      room.targets.splice(0, room.head)
      room.offsets.splice(0, room.head)
      room.head = 0
    }
  }

  function forget(name: string, room: Room): void {
    rooms.delete(name)
    total -= room.bytes
    const partition = partitionOf(name, partitions)
    missing[partition] = Math.max(missing[partition] ?? -1, room.missing, room.offsets.at(-1) ?? -1)
  }

  function forgetQuietest(): void {
    for (const [name, room] of rooms) {
      forget(name, room)
      return
    }
  }

  function remember(name: string, id: string, line: ByteString, target: string, offset: number): Room {
    const room = rooms.get(name) ?? emptyRoom(missingIn(name))
    // Removed and added again: a Map keeps its order of insertion, so the quietest room comes first.
    rooms.delete(name)
    rooms.set(name, room)
    const size = line.length + overhead
    room.ids.push(id)
    room.lines.push(line)
    room.targets.push(target)
    room.offsets.push(offset)
    room.bytes += size
    total += size
    const most = pins.has(name) ? Number.POSITIVE_INFINITY : limits.perRoom
    while (room.lines.length - room.head > most || (room.bytes > roomBytes && room.bytes > size))
      dropOldest(room)
    while (total > limits.totalBytes && rooms.size > 1) forgetQuietest()
    return room
  }

  function missingIn(name: string): number {
    return rooms.get(name)?.missing ?? missing[partitionOf(name, partitions)] ?? -1
  }

  /** Returns -1 if it isn't remembered. */
  function indexOf(room: Room | undefined, id: string): number {
    const index = room?.ids.lastIndexOf(id) ?? -1
    return room === undefined || index < room.head ? -1 : index
  }

  /** Applies the change. Returns whether it counts, as far as this gateway knows. */
  function change(event: ChangeEvent): boolean {
    const room = rooms.get(event.room)
    if (room === undefined) return true
    const { grown, counts } = applyChange(room, event)
    room.bytes += grown
    total += grown
    return counts
  }

  return {
    add(event, line, offset, doubtful = false) {
      const { type, room: name, id } = event
      const told = type === 'message' || change(event) ? byteString(line) : noBytes
      const room = remember(name, id, told, type === 'message' ? '' : event.message, offset)
      if (!doubtful) return
      room.doubtful ??= new Set()
      room.doubtful.add(id)
    },

    after(name, id) {
      if (id === '') return missingIn(name) < 0 ? (rooms.get(name)?.lines.slice() ?? []) : undefined
      const room = rooms.get(name)
      const index = room?.doubtful?.has(id) ? -1 : indexOf(room, id)
      return index === -1 ? undefined : room?.lines.slice(index + 1)
    },

    behind(name, offset) {
      if (missingIn(name) > offset) return undefined
      const room = rooms.get(name)
      if (room === undefined) return { ids: [], lines: [] }
      let first = room.offsets.length
      while (first > room.head && (room.offsets[first - 1] ?? 0) > offset) first--
      return { ids: room.ids.slice(first), lines: room.lines.slice(first) }
    },

    missing: missingIn,

    message(name, id) {
      const room = rooms.get(name)
      return room === undefined || room.doubtful?.has(id) ? undefined : messageIn(room, id)
    },

    changes(name, message) {
      const room = rooms.get(name)
      return room === undefined ? [] : changesIn(room, message)
    },

    restore(name, ids, lines, offset) {
      if (rooms.has(name)) return
      // The room may have older events, whatever was known of the log.
      rooms.set(name, emptyRoom(offset))
      for (const [index, line] of lines.entries()) {
        remember(name, ids[index] ?? '', line, targetOf(line), offset)
      }
    },

    pin(name) {
      pins.set(name, (pins.get(name) ?? 0) + 1)
      return () => {
        const others = (pins.get(name) ?? 0) - 1
        if (others > 0) pins.set(name, others)
        else pins.delete(name)
      }
    },

    newest(name, count) {
      const room = rooms.get(name)
      if (room === undefined) return { lines: [], complete: missingIn(name) < 0 || count === 0 }
      const lines: ByteString[] = []
      for (let index = room.lines.length - 1; index >= room.head && lines.length < count; index--) {
        const line = room.lines[index] ?? noBytes
        if (line !== '') lines.push(line)
      }
      lines.reverse()
      return { lines, complete: lines.length === count || room.missing < 0 }
    },

    begin(partition, offset) {
      for (const [name, room] of rooms) if (partitionOf(name, partitions) === partition) forget(name, room)
      missing[partition] = offset
    },
    get bytes() {
      return total
    },
    get rooms() {
      return rooms.size
    },
  }
}

function emptyRoom(missing: number): Room {
  return { ids: [], lines: [], targets: [], offsets: [], head: 0, bytes: 0, missing, doubtful: undefined }
}
