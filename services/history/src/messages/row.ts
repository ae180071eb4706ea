import type { MessageEvent } from '@rabble/contract'
import { restored, storable } from '../text/storable.ts'

/** A message as its columns hold it, without partition and sequence. */
export interface MessageRow {
  id: string
  room: string
  sender_id: string
  sender_name: string
  text: string
  at: string | null
  via: string
  cid: Optional
  reply_to: Optional
  meta: Optional
  edited: Optional
  deleted: Optional
  /** The fields `reactions` and `reacted`, as a JSON object. */
  reactions: Optional
  extra: Optional
}

/** Null in the database. JSON leaves out undefined values, of which most messages have many. */
type Optional = string | null | undefined

/** A row as a query returns it. */
export type StoredMessage = Omit<MessageRow, 'at'> & { at: Date | null }

/** Values that the columns can't hold: an `at` that is no plain UTC time and, as JSON objects, fields of later versions. */
interface Extra {
  at?: string
  from?: string
  event?: string
}

/** @throws RangeError if `meta` is nested too deeply for JSON.stringify; JSON.parse takes any depth */
export function toRow(message: MessageEvent): MessageRow {
  const { type: _, room, id, cid, from, text, at, via, replyTo, meta, edited, deleted, ...more } = message
  const { reactions, reacted, ...event } = more
  const { id: senderId, name, ...sender } = from
  const plainTime = isPlainTime(at)
  const extra: Extra = {}
  if (!plainTime) extra.at = at
  if (hasFields(sender)) extra.from = JSON.stringify(sender)
  if (hasFields(event)) extra.event = JSON.stringify(event)
  return {
    id: storable(id),
    room: storable(room),
    sender_id: storable(senderId),
    sender_name: storable(name),
    text: storable(text),
    at: plainTime ? at : null,
    via: storable(via),
    cid: cid === undefined ? undefined : storable(cid),
    reply_to: replyTo === undefined ? undefined : storable(replyTo),
    // JSON.stringify escapes NUL and lone surrogates, so JSON is storable as it is.
    meta: jsonOf(meta),
    edited: jsonOf(edited),
    deleted: jsonOf(deleted),
    reactions: reactionsOf({ reactions, reacted }),
    extra: hasFields(extra) ? JSON.stringify(extra) : undefined,
  }
}

/** Returns the column for the reactions of a message; undefined if it has never had any. */
export function reactionsOf({
  reactions,
  reacted,
}: Pick<MessageEvent, 'reactions' | 'reacted'>): string | undefined {
  const isEmpty = reactions === undefined && reacted === undefined
  return isEmpty ? undefined : JSON.stringify({ reactions, reacted })
}

/** Returns what is left of `extra` when the message is deleted: fields added to the event are part of what was said. */
export function extraOfDeleted(json: string | null): string | undefined {
  const { event: _, ...extra } = extraOf(json)
  return hasFields(extra) ? JSON.stringify(extra) : undefined
}

/**
 * Returns the event's JSON as clients received it, with its fields in the order of the contract. Nested values are copied as
 * they were stored. If they were parsed and serialized again, one deeply nested message could fail whole pages, since
 * JSON.stringify takes less depth then.
 */
export function toLine(row: StoredMessage): string {
  const extra = extraOf(row.extra)
  const from = `{"id":${quote(row.sender_id)},"name":${quote(row.sender_name)}${fieldsOf(extra.from)}}`
  const at = JSON.stringify(extra.at ?? row.at?.toISOString() ?? '')
  const rest =
    fieldOf('replyTo', jsonOfStored(row.reply_to)) +
    fieldOf('meta', row.meta) +
    fieldOf('edited', row.edited) +
    fieldOf('deleted', row.deleted) +
    fieldsOf(row.reactions) +
    fieldsOf(extra.event)
  return (
    `{"type":"message","room":${quote(row.room)},"id":${quote(row.id)}${fieldOf('cid', jsonOfStored(row.cid))},` +
    `"from":${from},"text":${quote(row.text)},"at":${at},"via":${quote(row.via)}${rest}}`
  )
}

function extraOf(json: Optional): Extra {
  return typeof json === 'string' ? JSON.parse(json) : {}
}

function jsonOfStored(stored: Optional): string | undefined {
  return typeof stored === 'string' ? quote(stored) : undefined
}

function quote(stored: string): string {
  return JSON.stringify(restored(stored))
}

export function jsonOf(value: object | undefined): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value)
}

function fieldOf(name: string, json: Optional): string {
  return typeof json === 'string' ? `,"${name}":${json}` : ''
}

/** Returns the fields of a JSON object that has some, to be appended to others. */
function fieldsOf(json: Optional): string {
  return typeof json !== 'string' ? '' : `,${json.slice(1, -1)}`
}

/** The newest time that was found plain. The messages of a batch have few different times, and each check costs a microsecond. */
let lastPlainTime = ''

/** Whether a timestamptz returns the same string: UTC with milliseconds, and a year from 1 to 9999. */
export function isPlainTime(at: string): boolean {
  if (at === lastPlainTime) return true
  const time = new Date(at)
  const isPlain = !Number.isNaN(time.getTime()) && time.toISOString() === at && at >= '0001' && at < ':'
  if (isPlain) lastPlainTime = at
  return isPlain
}

function hasFields(object: object): boolean {
  for (const _ in object) return true
  return false
}
