import type { MessageEvent } from '@rabble/contract'
import { restored, storable } from '../text/storable.ts'

/** A message as its columns hold it, but for partition and sequence. */
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
  extra: Optional
}

/** Null in the database. What is undefined isn't written out in JSON, and most of it is in most messages. */
type Optional = string | null | undefined

/** What a query gives back. */
export type StoredMessage = Omit<MessageRow, 'at'> & { at: Date | null }

/** What the columns can't hold: an `at` that is no plain UTC time and, as JSON objects, fields of later versions. */
interface Extra {
  at?: string
  from?: string
  event?: string
}

/** @throws RangeError if `meta` is nested too deeply for JSON.stringify, which JSON.parse takes at any depth */
export function toRow(message: MessageEvent): MessageRow {
  const { type: _, room, id, cid, from, text, at, via, replyTo, meta, edited, deleted, ...event } = message
  const { id: senderId, name, ...sender } = from
  const plainTime = isPlainTime(at)
  const extra: Extra = {
    ...(!plainTime && { at }),
    ...(hasFields(sender) && { from: JSON.stringify(sender) }),
    ...(hasFields(event) && { event: JSON.stringify(event) }),
  }
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
    extra: hasFields(extra) ? JSON.stringify(extra) : undefined,
  }
}

/** What is left of `extra` when the message is deleted: what was added to it is part of what was said. */
export function extraOfDeleted(json: string | null): string | undefined {
  const { event: _, ...extra } = extraOf(json)
  return hasFields(extra) ? JSON.stringify(extra) : undefined
}

/**
 * The event's JSON as clients got it, its fields in the order of the contract. What is nested goes in as it was stored:
 * parsed and made anew, one message of great depth would fail whole pages, as JSON.stringify bears less of it then.
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

/** The fields of a JSON object that has some, to be put behind others. */
function fieldsOf(json: string | undefined): string {
  return json === undefined ? '' : `,${json.slice(1, -1)}`
}

/** Whether a timestamptz gives back the very string: UTC with milliseconds, and a year from 1 to 9999. */
function isPlainTime(at: string): boolean {
  const time = new Date(at)
  return !Number.isNaN(time.getTime()) && time.toISOString() === at && at >= '0001' && at < ':'
}

function hasFields(object: object): boolean {
  for (const _ in object) return true
  return false
}
