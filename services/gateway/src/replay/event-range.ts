import { type ChangeEvent, type ChatEvent, changed, type MessageEvent, mayChange } from '@rabble/contract'
import { isChatEvent, parseLogEvent } from '@rabble/contract/parse'
import { type ByteString, byteString, bytesOf, noBytes } from '@rabble/event-log'

/**
 * Events of one room, one behind the other, as a gateway keeps them to replay them.
 */
export interface EventRange {
  ids: string[]
  /** Empty for an event that is replayed no more: its id still is a place to resume from. */
  lines: ByteString[]
  /** Of an edit or a deletion the id of its message, else empty. */
  targets: string[]
  /** Index of the oldest; what is before is empty. */
  head: number
}

/** A stretch of lines from history. */
export function eventRangeOf(ids: readonly string[], lines: readonly ByteString[]): EventRange {
  return { ids: [...ids], lines: [...lines], targets: lines.map(targetOf), head: 0 }
}

/** The id of the message that a line changes, empty if it changes none. */
export function targetOf(line: ByteString): string {
  // Nearly all lines: they need not be parsed.
  if (line === '' || line.startsWith('{"type":"message"')) return ''
  const event = eventOf(line)
  return event === undefined || event.type === 'message' ? '' : event.message
}

/** The message with this id, as it is by now; undefined if it isn't there. */
export function messageIn({ ids, lines, head }: EventRange, id: string): MessageEvent | undefined {
  const index = ids.lastIndexOf(id)
  const event = index < head ? undefined : eventOf(lines[index] ?? noBytes)
  return event?.type === 'message' ? event : undefined
}

/** The changes that are replayed, in order: all of them, or those of one message. */
export function changesIn({ targets, lines, head }: EventRange, message?: string): ChangeEvent[] {
  const found: ChangeEvent[] = []
  for (let index = head; index < targets.length; index++) {
    const target = targets[index]
    if (target === '' || (message !== undefined && target !== message)) continue
    const event = eventOf(lines[index] ?? noBytes)
    if (event !== undefined && event.type !== 'message') found.push(event)
  }
  return found
}

/**
 * Applies a change to what came before it, so that no text stays that was edited away or deleted: the message becomes
 * what it is by now, and of its changes only the newest one keeps its line. Returns by how many bytes the lines have
 * grown, and whether the change counts.
 */
export function applyChange(
  stretch: EventRange,
  change: ChangeEvent,
  places: readonly number[] = placesOf(stretch, change.message),
): { grown: number; counts: boolean } {
  const { lines } = stretch
  const changes: { index: number; event: ChangeEvent }[] = []
  let message: { index: number; event: MessageEvent } | undefined
  let grown = 0
  const put = (index: number, line: ByteString) => {
    grown += line.length - (lines[index]?.length ?? 0)
    lines[index] = line
  }
  for (const index of places) {
    const event = eventOf(lines[index] ?? noBytes)
    if (event?.type === 'message') message = { index, event }
    else if (event !== undefined) changes.push({ index, event })
    // History has it from a version that read more than this one. What can't be changed is handed out no more.
    else put(index, noBytes)
  }
  const superseded = message ? changes : changes.filter(({ event }) => mayBothCount(event, change))
  const counts = message
    ? mayChange(message.event, change)
    : superseded.every(({ event }) => event.type === 'edit')
  if (!counts) return { grown, counts }
  for (const { index } of superseded) put(index, noBytes)
  if (message) put(message.index, lineOf(changed(message.event, change)))
  return { grown, counts }
}

/** Applies changes that came after all of a stretch. */
export function applyChanges(stretch: EventRange, changes: readonly ChangeEvent[]): void {
  // There may be thousands of both: each is not to be searched for by itself.
  const places = new Map<string, number[]>(changes.map(({ message }) => [message, []]))
  for (const [index, id] of stretch.ids.entries()) {
    places.get(id)?.push(index)
    places.get(stretch.targets[index] ?? '')?.push(index)
  }
  for (const change of changes) applyChange(stretch, change, places.get(change.message))
}

/** Where a message and its changes are. Changes are rare: they search, and the way of a message has no index to keep. */
function placesOf({ ids, targets, head }: EventRange, message: string): number[] {
  const places: number[] = []
  for (let index = head; index < ids.length; index++) {
    if (ids[index] === message || targets[index] === message) places.push(index)
  }
  return places
}

/**
 * Of a message that isn't there nobody knows who wrote it. But two who are no moderators can't both be its author: one of
 * their changes counts for nobody, and must not hide the other one.
 */
function mayBothCount(one: ChangeEvent, other: ChangeEvent): boolean {
  return one.moderator === true || other.moderator === true || one.from.id === other.from.id
}

function eventOf(line: ByteString): ChatEvent | undefined {
  const event = line === '' ? undefined : parseLogEvent(bytesOf(line))
  return event !== undefined && isChatEvent(event) ? event : undefined
}

function lineOf(message: MessageEvent): ByteString {
  return byteString(Buffer.from(JSON.stringify(message)))
}
