import {
  type ChangeEvent,
  type ChatEvent,
  changed,
  type MessageEvent,
  mayChange,
  type ReactionEvent,
  reactionsAfter,
  type TextChange,
} from '@rabble/contract'
import { isChatEvent, parseLogEvent } from '@rabble/contract/parse'
import { type ByteString, byteString, bytesOf, noBytes } from '@rabble/event-log'

/**
 * Consecutive events of one room, as a gateway keeps them to replay them.
 */
export interface EventRange {
  ids: string[]
  /** Empty for an event that is no longer replayed. Its id still is a place to resume from. */
  lines: ByteString[]
  /** For a change, the id of its message; otherwise empty. */
  targets: string[]
  /** Index of the oldest event. Entries before it are empty. */
  head: number
}

/** Returns the range of lines from history. */
export function eventRangeOf(ids: readonly string[], lines: readonly ByteString[]): EventRange {
  return { ids: [...ids], lines: [...lines], targets: lines.map(targetOf), head: 0 }
}

/** Returns the id of the message that a line changes; empty if it changes none. */
export function targetOf(line: ByteString): string {
  // Nearly all lines are messages, which need not be parsed.
  if (line === '' || line.startsWith('{"type":"message"')) return ''
  const event = eventOf(line)
  return event === undefined || event.type === 'message' ? '' : event.message
}

/** Returns the current version of the message with this id; undefined if it isn't there. */
export function messageIn({ ids, lines, head }: EventRange, id: string): MessageEvent | undefined {
  const index = ids.lastIndexOf(id)
  const event = index < head ? undefined : eventOf(lines[index] ?? noBytes)
  return event?.type === 'message' ? event : undefined
}

/** Returns the changes that are replayed, in order: all of them, or those of one message. */
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

/** Returns the edits and deletions that are replayed, in order. */
export function textChangesIn(range: EventRange): TextChange[] {
  return changesIn(range).filter((change) => change.type !== 'reaction')
}

/** Effect of a change on the events before it. */
interface Applied {
  /** Number of bytes by which their lines have grown. */
  grown: number
  /** Whether the change counts. */
  counts: boolean
  /** Line in place of the one of the change. */
  line?: ByteString
}

/**
 * Applies a reaction to the events before it: its message gets all reactions. Its own line gets them, too, so it says all that those
 * of earlier reactions say, which become empty. Where neither the message nor an earlier line tells all reactions, all lines stay.
 */
export function applyReaction(stretch: EventRange, reaction: ReactionEvent): Applied {
  const { ids, lines, targets, head } = stretch
  const place = ids.lastIndexOf(reaction.message)
  const message = place < head ? undefined : eventOf(lines[place] ?? noBytes)
  const first = Math.max(head, place + 1)
  let earlier: ReactionEvent | undefined
  let before = targets.length
  while (earlier === undefined && --before >= first) {
    if (targets[before] !== reaction.message) continue
    const event = eventOf(lines[before] ?? noBytes)
    if (event?.type === 'reaction') earlier = event
  }
  let grown = 0
  const put = (index: number, line: ByteString) => {
    grown += line.length - (lines[index]?.length ?? 0)
    lines[index] = line
  }
  const tell = (reactions: ReactionEvent['reactions'] = []) => {
    if (earlier !== undefined) put(before, noBytes)
    return { grown, counts: true, line: lineOf({ ...reaction, reactions }) }
  }
  if (message?.type === 'message') {
    const now = changed(message, reaction)
    if (now === message) return { grown, counts: false }
    put(place, lineOf(now))
    return tell(now.reactions)
  }
  if (earlier?.reactions === undefined) return { grown, counts: true }
  const now = reactionsAfter(earlier.reactions, reaction)
  return now === earlier.reactions ? { grown, counts: false } : tell(now)
}

/**
 * Applies an edit or a deletion to the events before it, so that no text remains that was edited away or deleted: the message gets
 * its current version, and of its edits and deletions only the newest one keeps its line.
 */
export function applyChange(
  stretch: EventRange,
  change: TextChange,
  places: readonly number[] = placesOf(stretch, change.message),
): Applied {
  const { lines } = stretch
  const changes: { index: number; event: TextChange }[] = []
  const reactions: number[] = []
  let message: { index: number; event: MessageEvent } | undefined
  let grown = 0
  const put = (index: number, line: ByteString) => {
    grown += line.length - (lines[index]?.length ?? 0)
    lines[index] = line
  }
  for (const index of places) {
    const event = eventOf(lines[index] ?? noBytes)
    if (event?.type === 'message') message = { index, event }
    else if (event?.type === 'reaction') reactions.push(index)
    else if (event !== undefined) changes.push({ index, event })
    // History has the line from a version that accepts more than this one. It cannot be changed, so it is no longer replayed.
    else put(index, noBytes)
  }
  const superseded = message ? changes : changes.filter(({ event }) => mayBothCount(event, change))
  const counts = message
    ? mayChange(message.event, change)
    : superseded.every(({ event }) => event.type === 'edit')
  if (!counts) return { grown, counts }
  for (const { index } of superseded) put(index, noBytes)
  if (message) put(message.index, lineOf(changed(message.event, change)))
  if (message && change.type === 'delete') for (const index of reactions) put(index, noBytes)
  return { grown, counts }
}

/** Applies edits and deletions that came after all events of a range. */
export function applyChanges(stretch: EventRange, changes: readonly TextChange[]): void {
  // There may be thousands of both: one pass finds the places for all changes.
  const places = new Map<string, number[]>(changes.map(({ message }) => [message, []]))
  for (const [index, id] of stretch.ids.entries()) {
    places.get(id)?.push(index)
    places.get(stretch.targets[index] ?? '')?.push(index)
  }
  for (const change of changes) applyChange(stretch, change, places.get(change.message))
}

/** Returns the places of a message and its changes. Changes are rare, so they search, and messages have no index to update. */
function placesOf({ ids, targets, head }: EventRange, message: string): number[] {
  const places: number[] = []
  for (let index = head; index < ids.length; index++) {
    if (ids[index] === message || targets[index] === message) places.push(index)
  }
  return places
}

/**
 * Returns whether both changes may count, if their message isn't there. Its author is unknown, but two users who are not
 * moderators cannot both be the author: one of their changes does not count, and must not hide the other one.
 */
function mayBothCount(one: TextChange, other: TextChange): boolean {
  return one.moderator === true || other.moderator === true || one.from.id === other.from.id
}

function eventOf(line: ByteString): ChatEvent | undefined {
  const event = line === '' ? undefined : parseLogEvent(bytesOf(line))
  return event !== undefined && isChatEvent(event) ? event : undefined
}

function lineOf(event: ChatEvent): ByteString {
  return byteString(Buffer.from(JSON.stringify(event)))
}
