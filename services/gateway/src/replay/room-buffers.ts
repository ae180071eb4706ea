import type { ChangeEvent, ChatEvent, MessageEvent, ReactionEvent } from '@rabble/contract'
import { type ByteString, byteString, noBytes, partitionOf } from '@rabble/event-log'
import { applyChange, applyReaction, changesIn, type EventRange, messageIn, targetOf } from './event-range.ts'

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
   * Returns the remembered changes, in order, of all messages or of one, without those that newer ones have superseded.
   */
  changes(room: string, message?: string): ChangeEvent[]
  /**
   * Returns the revision of the last reaction of a user with an emoji to a message; 0 if there was none, and undefined if this is not
   * known. See `ReactionEvent`.
   */
  revision(room: string, message: string, user: string, emoji: string): number | undefined
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
  /** Offset up to which the events came from history, which has only the newest changes; -1 if none did. */
  restored: number
  /** Revisions of the reactions to messages of which this gateway has read all events, by message; undefined if there were none. */
  revisions: Map<string, Map<string, number>> | undefined
}

/** Approximate cost (bytes) of a remembered line besides its bytes. */
const overhead = 100
/** Approximate cost (bytes) of the revision of a reaction. */
const revisionBytes = 200

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
    const id = room.ids[room.head] ?? ''
    const revisions = room.revisions?.get(id)?.size ?? 0
    const size = (room.lines[room.head]?.length ?? 0) + overhead + revisions * revisionBytes
    room.doubtful?.delete(id)
    room.revisions?.delete(id)
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

  /** Whether a message is remembered, with all changes of it that are in the log. */
  function isWhole(room: Room, message: string): boolean {
    const index = indexOf(room, message)
    return index !== -1 && !room.doubtful?.has(message) && (room.offsets[index] ?? -1) > room.restored
  }

  /** Applies the change. Returns its line as it is remembered: empty if the change does not count, as far as this gateway knows. */
  function change(event: ChangeEvent, line: Buffer): ByteString {
    const room = rooms.get(event.room)
    if (room === undefined) return byteString(line)
    if (event.type === 'reaction' && !isNext(room, event)) return noBytes
    const applied = event.type === 'reaction' ? applyReaction(room, event) : applyChange(room, event)
    room.bytes += applied.grown
    total += applied.grown
    return applied.counts ? (applied.line ?? byteString(line)) : noBytes
  }

  /** Notes the revision of a reaction. Returns false if that one was noted before. */
  function isNext(room: Room, { message, from, emoji, revision }: ReactionEvent): boolean {
    if (!isWhole(room, message)) return true
    room.revisions ??= new Map()
    const revisions = room.revisions.get(message) ?? new Map<string, number>()
    room.revisions.set(message, revisions)
    const key = keyOf(from.id, emoji)
    const known = revisions.get(key)
    if (known !== undefined && known >= revision) return false
    revisions.set(key, revision)
    if (known === undefined) {
      room.bytes += revisionBytes
      total += revisionBytes
    }
    return true
  }

  return {
    add(event, line, offset, doubtful = false) {
      const { type, room: name, id } = event
      const told = type === 'message' ? byteString(line) : change(event, line)
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

    revision(name, message, user, emoji) {
      const room = rooms.get(name)
      if (room === undefined || !isWhole(room, message)) return undefined
      return room.revisions?.get(message)?.get(keyOf(user, emoji)) ?? 0
    },

    restore(name, ids, lines, offset) {
      if (rooms.has(name)) return
      // The room may have older events, whatever was known of the log.
      rooms.set(name, { ...emptyRoom(offset), restored: offset })
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
  return {
    ids: [],
    lines: [],
    targets: [],
    offsets: [],
    head: 0,
    bytes: 0,
    missing,
    doubtful: undefined,
    restored: -1,
    revisions: undefined,
  }
}

function keyOf(user: string, emoji: string): string {
  return `${user} ${emoji}`
}
