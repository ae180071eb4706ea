import { readFileSync } from 'node:fs'
import t from 'tap'
import { deleteId, editId, eventId, guestId, reactionId } from '../src/ids.ts'
import {
  AuditReply,
  BansReply,
  Change,
  ChatEvent,
  Conversation,
  ConversationState,
  ConversationsReply,
  clientFrames,
  closeCodes,
  defaultLimits,
  ErasureReply,
  EventsReply,
  errorCodes,
  GatewayInfo,
  Limits,
  Member,
  MembersReply,
  MessageEvent,
  MessagesReply,
  Person,
  PushPayload,
  PushReply,
  PushSubscriptionRequest,
  Reactions,
  Receipt,
  ReportsReply,
  RestrictionReply,
  RoomReply,
  RoomsReply,
  RouteReply,
  SearchReply,
  SessionReply,
  SignInReply,
  serverFrames,
  User,
  UserExportLine,
  workerRequests,
} from '../src/index.ts'
import { isChatEvent, parseClientFrame, parseLogEvent, parseWorkerRequest } from '../src/parse.ts'
import { Compile, type TSchema } from '../src/typebox.ts'
import { blocks, names, section, table, tables } from './markdown.ts'

// Other implementations follow these pages: the frames, errors and close codes on them must be those of the code.
const index = read('protocol.md')
const websocket = read('protocol/websocket.md')
const http = read('protocol/http.md')
const log = read('protocol/log.md')
const pages = [index, websocket, http, log]

function read(page: string): string {
  return readFileSync(new URL(`../../../../docs/${page}`, import.meta.url), 'utf8')
}

/** Examples that a test has checked. The last test compares them with those of all pages. */
const looked: string[] = []

/**
 * Returns the examples of a text: blocks of one JSON value each.
 * @throws Error if there is none
 */
function examples(text: string): string[] {
  const found = blocks(text)
  if (found.length === 0) throw new Error(`there is no example in ${text.slice(0, 200)}`)
  looked.push(...found)
  return found
}

type Schema = TSchema & {
  type?: string
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  anyOf?: Schema[]
  enum?: string[]
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  maxItems?: number
}

/** Returns the text of the column "Type" for a schema. */
function typeOf(schema: Schema): string {
  if (schema.enum !== undefined)
    return isErrorCode(schema.enum) ? 'error code' : schema.enum.map(quoted).join(', ')
  if (schema === ChatEvent) return 'event'
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(', or ')
  if (schema.items?.type === 'string' && schema.maxItems !== undefined)
    return `list of strings, up to ${schema.maxItems}`
  if (schema.type === 'array') return `list of ${typeOf(schema.items ?? {})}s`
  if (sameFields(schema, User)) return 'user'
  if (sameFields(schema, Member)) return 'member'
  if (sameFields(schema, Limits)) return 'limits'
  if (sameFields(schema, Change)) return 'change'
  if (sameFields(schema, GatewayInfo)) return 'gateway'
  if (sameFields(schema, Conversation)) return 'conversation'
  if (sameFields(schema, Reactions)) return 'reaction'
  if (sameFields(schema, Receipt)) return 'receipt'
  if (sameFields(schema, Person)) return 'person'
  if (sameFields(schema, ConversationState)) return 'conversation state'
  if (sameFields(schema, serverFrames.message)) return 'message'
  const { type = 'any JSON', minLength, maxLength, minimum, maximum } = schema
  if (minLength !== undefined) return `${type}, ${minLength} to ${maxLength} characters`
  if (maxLength !== undefined) return `${type}, up to ${maxLength} characters`
  if (maximum !== undefined) return `${type}, ${minimum} to ${maximum}`
  if (minimum !== undefined) return `${type}, ${minimum} or more`
  return type
}

function isErrorCode(values: readonly string[]): boolean {
  return values.every((value) => value in errorCodes)
}

function quoted(value: string): string {
  return `\`${value}\``
}

function sameFields(schema: Schema, other: Schema): boolean {
  const fields = (of: Schema) => Object.keys(of.properties ?? {}).join()
  return schema.type === 'object' && fields(schema) !== '' && fields(schema) === fields(other)
}

/** Returns the rows that the table of an object's fields must have. */
function rowsOf(schema: Schema): { Field: string; Type: string; Required: string }[] {
  return Object.entries(schema.properties ?? {})
    .filter(([name]) => name !== 'type')
    .map(([name, field]) => ({
      Field: `\`${name}\``,
      Type: typeOf(field),
      Required: schema.required?.includes(name) ? 'yes' : 'no',
    }))
}

function comparable(rows: Record<string, string>[]) {
  return rows.map(({ Field, Type, Required }) => ({ Field, Type, Required }))
}

for (const [title, frames] of [
  ['## Client frames', clientFrames],
  ['## Server frames', serverFrames],
] as const) {
  const part = section(title, websocket)
  t.test(`the page describes all of the ${title.slice(3).toLowerCase()} and no others`, async (t) => {
    t.same(names(part), Object.keys(frames))
  })
  for (const [type, schema] of Object.entries(frames)) {
    const own = section(`### \`${type}\``, part)
    t.test(`${title.slice(3)}: the table of ${type} has its fields, types and limits`, async (t) => {
      t.same(comparable(table(own)), rowsOf(schema))
    })
    t.test(`${title.slice(3)}: the examples of ${type} are valid`, async (t) => {
      for (const example of examples(own)) {
        t.equal((JSON.parse(example) as { type: string }).type, type)
        if (title === '## Client frames') t.doesNotThrow(() => parseClientFrame(example))
        else t.ok(Compile(schema).Check(JSON.parse(example)), example)
      }
    })
  }
}

t.test(
  'the tables of users, members, changes, reactions, gateways, conversations and limits have their fields, and the limits their defaults',
  async (t) => {
    const objects = section('## Objects', websocket)
    t.same(comparable(table(section('### user', objects))), rowsOf(User))
    t.same(comparable(table(section('### member', objects))), rowsOf(Member))
    t.same(comparable(table(section('### change', objects))), rowsOf(Change))
    t.same(comparable(table(section('### reaction', objects))), rowsOf(Reactions))
    t.same(comparable(table(section('### gateway', objects))), rowsOf(GatewayInfo))
    t.same(comparable(table(section('### conversation', objects))), rowsOf(Conversation))
    t.same(comparable(table(section('### conversation state', objects))), rowsOf(ConversationState))
    t.same(comparable(table(section('### receipt', objects))), rowsOf(Receipt))
    t.same(comparable(table(section('### person', objects))), rowsOf(Person))
    const limits = table(section('## Limits', websocket))
    t.same(comparable(limits), rowsOf(Limits))
    t.same(
      limits.map(({ Default }) => Number(Default)),
      Object.values(defaultLimits),
    )
  },
)

t.test('the table of errors has every code, its HTTP status and whether to retry', async (t) => {
  const rows = table(section('## Errors', websocket)).map(({ Code, HTTP, Retry }) => ({ Code, HTTP, Retry }))
  const codes = Object.entries(errorCodes).map(([code, { status, retry }]) => ({
    Code: `\`${code}\``,
    HTTP: String(status),
    Retry: retry ? 'yes' : 'no',
  }))
  t.same(rows, codes)
})

t.test('the table of close codes has every code and whether to come back', async (t) => {
  const rows = table(section('## Close codes', websocket)).map(({ Code, Retry }) => ({ Code, Retry }))
  const codes = Object.values(closeCodes).map(({ code, retry }) => ({
    Code: String(code),
    Retry: retry ? 'yes' : 'no',
  }))
  t.same(rows, codes)
})

t.test('no error code is named anywhere that does not exist', async (t) => {
  for (const page of [websocket, http]) {
    const inExamples = [...page.matchAll(/"code":\s?"([a-z-]+)"|code: "([a-z-]+)"/g)].map(
      ([, a, b]) => a ?? b,
    )
    t.not(inExamples.length, 0)
    for (const code of inExamples) t.hasOwnProp(errorCodes, code ?? '')
  }
  const reasons = tables(http).flatMap((rows) => rows.filter(({ When }) => When !== undefined))
  t.ok(reasons.length > 25, 'the tables of the routes are found')
  const answers = table(section('## Refused actions', websocket)).filter(
    ({ answer }) => !answer?.startsWith('close'),
  )
  t.ok(answers.length > 20, 'the table of refused actions is found')
  for (const cell of [...reasons.map(({ Code }) => Code), ...answers.map(({ answer }) => answer)]) {
    const [code = ''] = /(?<=`)[a-z-]+(?=`)/.exec(cell ?? '') ?? []
    t.hasOwnProp(errorCodes, code)
  }
})

t.test('the lines of the log and of history in the examples are what they should be', async (t) => {
  const types = examples(section('## Events', log)).map((example) => {
    const event = parseLogEvent(example)
    t.ok(event && isChatEvent(event), example)
    return event?.type
  })
  t.same(types, ['message', 'edit', 'delete', 'reaction'])
  const answers = {
    '### `GET /api/rooms/{room}/messages`': MessagesReply,
    '### `GET /api/search`': SearchReply,
    '### `GET /api/conversations`': ConversationsReply,
    '### Content of a push': PushPayload,
    '### `GET /api/push`': PushReply,
    '### `PUT /api/push/subscription`': PushSubscriptionRequest,
    '### `GET /api/events`': EventsReply,
    '### `GET /api/route`': RouteReply,
    '### `POST /api/session`': SessionReply,
    '### `GET /api/sign-in`': SignInReply,
    '### `POST /api/rooms`': RoomReply,
    '### `GET /api/rooms`': RoomsReply,
    '### `GET /api/rooms/{room}/members`': MembersReply,
    '### `POST /api/moderation/bans`': RestrictionReply,
    '### `GET /api/moderation/bans`': BansReply,
    '### `GET /api/reports`': ReportsReply,
    '### `GET /api/audit`': AuditReply,
    '### `GET /api/rooms/{room}/export`': MessageEvent,
    '### `POST /api/users/{user}/erasure`': ErasureReply,
  }
  for (const [heading, schema] of Object.entries(answers)) {
    for (const example of examples(section(heading, http))) {
      t.ok(Compile(schema).Check(JSON.parse(example)), `${heading}: ${example}`)
    }
  }
  const [lines = ''] = examples(section('### `GET /api/users/{user}/export`', http))
  const exported = lines.trim().split('\n')
  t.same(
    exported.map((line): string => JSON.parse(line).type),
    ['user', 'conversation', 'message', 'reaction', 'report', 'end'],
  )
  for (const line of exported) t.ok(Compile(UserExportLine).Check(JSON.parse(line)), line)
})

t.test('what programs ask for without a connection is described, with valid examples', async (t) => {
  const part = section('## Programs without a connection', http)
  const message = section('### `POST /api/rooms/{room}/messages`', part)
  const notify = section('### `POST /api/notify`', part)
  t.same(comparable(table(message)), rowsOf(workerRequests.message))
  t.same(comparable(table(notify)), rowsOf(workerRequests.notify))
  const queue = section('## The queue `rabble.notify`', log)
  for (const [name, text] of [
    ['message', message],
    ['notify', notify],
    ['notify', queue],
  ] as const) {
    for (const example of examples(text)) t.doesNotThrow(() => parseWorkerRequest(name, JSON.parse(example)))
  }
})

t.test('the ids in the examples are made as the page of the log says', async (t) => {
  const lines = examples(section('## Events', log)).map(
    (line) =>
      JSON.parse(line) as Record<'id' | 'cid' | 'room' | 'message' | 'emoji', string> & { from: User },
  )
  const [message, edit, deletion, reaction] = lines
  if (!message || !edit || !deletion || !reaction) throw new Error('too few lines')
  const { id, cid, from, room } = message
  t.equal(from.id, guestId(from.name))
  t.equal(id, eventId(from.id, room, cid))
  t.equal(edit.id, editId(edit.from.id, room, id, edit.cid))
  t.equal(deletion.id, deleteId(room, id))
  t.equal(reaction.id, reactionId(reaction.from.id, room, id, reaction.emoji, 1))
  for (const change of [edit, deletion, reaction]) t.equal(change.message, id)
})

t.test('no example of any page is left unchecked', async (t) => {
  t.same(new Set(looked), new Set(pages.flatMap(blocks)))
})
