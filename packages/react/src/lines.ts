import type { AnyMeta, Message, Pending, User } from '@rabble/client'

/** Message as a page shows it, whether it is in the room or not yet. */
export interface Line<Meta = AnyMeta> {
  /** Key for React. It stays the same when an unsent message has come back as a message of the room. */
  key: string
  /** Author. Undefined for unsent messages before the chat knows its own user. */
  from: User | undefined
  /** Text with the user's own unsent edit, unless that has failed. */
  text: string
  /** State of the message, or of the newest edit or deletion that is unsent: see `pending`. */
  status: Pending['status']
  /** The message in the room; undefined for an unsent one. */
  message: Message<Meta> | undefined
  /** The unsent message, or the newest unsent edit or deletion of `message`. It can be sent again by `retry`. */
  pending: Pending<Meta> | undefined
}

/** Lines of messages without an unsent change, so that a line stays the same object as long as its message. */
const plain = new WeakMap<object, Line<never>>()

/**
 * Returns the lines of a room: its messages with the user's unsent changes, and the unsent messages after them. Each message has one
 * line.
 */
export function linesOf<Meta>(
  messages: readonly Message<Meta>[],
  pending: readonly Pending<Meta>[],
  user: User | undefined,
): readonly Line<Meta>[] {
  const changes = new Map(pending.map((item) => [item.message, item]))
  const lines = messages.map((message) => lineOf(message, changes.get(message.id)))
  if (pending.length === 0) return lines
  // History may bring a message that is still unsent here, because its acknowledgement was lost.
  const keys = new Set(lines.map(({ key }) => key))
  const unsent = pending.filter(({ type }) => type === 'send').map((item) => unsentLine(item, user))
  return [...lines, ...unsent.filter(({ key }) => !keys.has(key))]
}

function lineOf<Meta>(message: Message<Meta>, change: Pending<Meta> | undefined): Line<Meta> {
  const known = change === undefined ? (plain.get(message) as Line<Meta> | undefined) : undefined
  if (known !== undefined) return known
  const { from, cid, id } = message
  const line: Line<Meta> = {
    key: cid === undefined ? id : keyOf(from, cid),
    from,
    text: change?.type === 'edit' && change.status !== 'failed' ? change.text : message.text,
    status: change?.status ?? 'sent',
    message,
    pending: change,
  }
  if (change === undefined) plain.set(message, line as Line<never>)
  return line
}

function unsentLine<Meta>(pending: Pending<Meta>, user: User | undefined): Line<Meta> {
  const { cid, text, status } = pending
  return { key: keyOf(user, cid), from: user, text, status, message: undefined, pending }
}

/** Only the messages of one user have different cids. */
function keyOf(user: User | undefined, cid: string): string {
  return `${user?.id} ${cid}`
}
