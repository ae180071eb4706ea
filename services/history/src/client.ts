import { type Clock, systemClock } from '@rabble/clock'
import { type ConversationsReply, type MessageEvent, pathSegment } from '@rabble/contract'
import { type ByteString, byteString } from '@rabble/event-log'
import {
  type ClockWatch,
  httpCall,
  type InternalTokens,
  type Tracing,
  timeOfResponse,
  withTimeout,
} from '@rabble/service'
import type { FastifyInstance } from 'fastify'
import type { Contacts } from './messages/contacts.ts'
import type { ConversationStates } from './messages/conversations.ts'
import type { DirectRooms } from './messages/direct-rooms.ts'
import type { FoundReaction, Known } from './messages/find.ts'
import type { ReceiptStates, ReceiptsQuery } from './messages/receipts.ts'
import type { ReplayQuery, Replay as StoredReplay } from './messages/replay.ts'

export type { Contacts } from './messages/contacts.ts'
export type { ConversationStates } from './messages/conversations.ts'
export type { DirectRooms } from './messages/direct-rooms.ts'
export type { FoundReaction, Known } from './messages/find.ts'
export type { ReceiptStates, ReceiptsQuery } from './messages/receipts.ts'
export type { ReplayQuery } from './messages/replay.ts'

/** A replay as other services get it. The lines are bytes: nobody needs them as text. */
export interface Replay extends Omit<StoredReplay, 'lines'> {
  lines: ByteString[]
}

/** A message that a gateway asked for. */
export interface Found {
  /** Offset of the log up to which the room is certainly stored; null if nothing of its partition is. */
  through: number | null
  /** The message after its changes; undefined if it is not stored. */
  message: MessageEvent | undefined
}

/** Conversations of a user, newest first. */
export interface UserConversations {
  /** Offsets of the log, by partition, up to which they are complete; null if nothing of the partition is stored yet. */
  through: (number | null)[]
  page: ConversationsReply
  /** Rooms of which the user is a member, those with the newest messages first. */
  rooms: string[]
}

/** Operations of history for other services: over HTTP or, in one process, without a socket. */
export interface HistoryClient {
  /**
   * Returns the events that followed in a room. `user` is the
   * id of the user for whom the service asks, for rooms that not everybody may read.
   * @throws Error if history can't answer within 5 seconds
   */
  replay(query: ReplayQuery, user: string | undefined): Promise<Replay>
  /**
   * Returns a message of a room after its edits or its deletion.
   * @throws Error if history can't answer within 5 seconds
   */
  find(room: string, id: string, user: string | undefined): Promise<Found>
  /**
   * Returns how often a user has reacted to a message of a room with an emoji.
   * @throws Error if history can't answer within 5 seconds
   */
  reaction(room: string, message: string, user: string, emoji: string): Promise<FoundReaction>
  /**
   * Returns which of up to 1,000 ids name a stored event of a room. It needs no user: it reveals only that an event exists, to
   * a caller that can derive its id.
   * @throws Error if history can't answer within 5 seconds
   */
  known(room: string, ids: readonly string[]): Promise<Known>
  /**
   * Returns up to `limit` (maximum: 1,000) rooms with direct messages to or from a user, newest messages first.
   * @throws Error if history can't answer within 5 seconds
   */
  directRooms(user: string, limit: number): Promise<DirectRooms>
  /**
   * Returns the first `limit` (maximum: 200) conversations of a user with these roles, and the names of up to `rooms` (maximum:
   * 1,000) rooms.
   * @throws Error if history can't answer within 5 seconds
   */
  conversations(
    user: string,
    options: { roles: readonly string[]; limit: number; rooms: number },
  ): Promise<UserConversations>
  /**
   * Returns the present states of up to 1,000 rooms and 1,000 conversations of users.
   * @throws Error if history can't answer within 5 seconds
   */
  conversationStates(asked: {
    rooms: readonly string[]
    own: readonly { user: string; room: string }[]
  }): Promise<ConversationStates>
  /**
   * Returns the present read positions in up to 1,000 rooms, and what up to 1,000 users show of theirs.
   * @throws Error if history can't answer within 5 seconds
   */
  receipts(asked: ReceiptsQuery): Promise<ReceiptStates>
  /**
   * Returns which of up to 200 users a user may see, and when these were last here.
   * @throws Error if history can't answer within 5 seconds
   */
  contacts(user: string, users: readonly string[]): Promise<Contacts>
}

/** Time (ms) within which history must answer. */
const defaultTimeout = 5_000

type Call = (
  path: string,
  token: string,
  body: object,
  signal: AbortSignal,
) => Promise<{ status: number; body: Buffer }>

/**
 * Creates a client over HTTP. `url` is history's address, such as `http://history:8080`. `timeout` is in milliseconds (default:
 * 5 s). `clocks` compares the clock of history with the local one at each answer. `tracing` traces the calls of traced work.
 */
export function overHttp(
  url: string,
  internalTokens: Pick<InternalTokens, 'sign'>,
  options: {
    timeout?: number
    clock?: Clock
    clocks?: Pick<ClockWatch, 'compare'>
    tracing?: Tracing | undefined
  } = {},
): HistoryClient {
  const { timeout = defaultTimeout, clock = systemClock, clocks, tracing } = options
  const times = { timeout, clock }
  return createClient(internalTokens, times, async (path, token, body, signal) => {
    const askedAt = clock.now()
    const answer = await httpCall(new URL(path, url), {
      method: 'POST',
      headers: headers(token),
      body: JSON.stringify(body),
      mayRepeat: true,
      tracing,
      signal,
    })
    const time = timeOfResponse(answer.headers.date)
    if (time !== undefined) clocks?.compare('history', time, askedAt)
    return answer
  })
}

/** Creates a client for `app`, which has history's routes, without a socket. */
export function inProcess(
  app: FastifyInstance,
  internalTokens: Pick<InternalTokens, 'sign'>,
  timeout = defaultTimeout,
  clock: Clock = systemClock,
): HistoryClient {
  const times = { timeout, clock }
  return createClient(internalTokens, times, async (url, token, body, signal) => {
    const { statusCode, rawPayload } = await app.inject({
      method: 'POST',
      url,
      headers: headers(token),
      payload: JSON.stringify(body),
      signal,
    })
    return { status: statusCode, body: rawPayload }
  })
}

function headers(token: string): Record<string, string> {
  return { 'content-type': 'application/json', authorization: `Bearer ${token}` }
}

function createClient(
  internalTokens: Pick<InternalTokens, 'sign'>,
  { timeout, clock }: { timeout: number; clock: Clock },
  call: Call,
): HistoryClient {
  function ask(room: string, what: string, user: string | undefined, query: object): Promise<Buffer> {
    return post(`/internal/rooms/${pathSegment(room)}/${what}`, user, query)
  }

  async function post(path: string, user: string | undefined, query: object): Promise<Buffer> {
    const token = await internalTokens.sign({ caller: 'gateway', ...(user !== undefined && { for: user }) })
    const { status, body } = await withTimeout(clock, timeout, (signal) => call(path, token, query, signal))
    if (status !== 200) throw new Error(`history answered ${status}: ${body.toString().slice(0, 200)}`)
    return body
  }

  return {
    async replay({ room, ...query }, user) {
      const body = await ask(room, 'replay', user, query)
      const [head = '', ...lines] = byteString(body).split('\n') as ByteString[]
      return { ...(JSON.parse(head) as Omit<Replay, 'lines'>), lines }
    },
    async find(room, id, user) {
      const { through, message } = JSON.parse((await ask(room, 'message', user, { id })).toString())
      return { through, message: message ?? undefined }
    },
    async reaction(room, message, user, emoji) {
      const body = await ask(room, 'reaction', user, { message, user, emoji })
      return JSON.parse(body.toString()) as FoundReaction
    },
    async known(room, ids) {
      return JSON.parse((await ask(room, 'known', undefined, { ids })).toString()) as Known
    },
    async directRooms(user, limit) {
      const body = await post(`/internal/users/${pathSegment(user)}/direct-rooms`, undefined, {
        limit,
      })
      return JSON.parse(body.toString()) as DirectRooms
    },
    async conversations(user, options) {
      const body = await post(`/internal/users/${pathSegment(user)}/conversations`, undefined, options)
      return JSON.parse(body.toString()) as UserConversations
    },
    async conversationStates(asked) {
      return JSON.parse(
        (await post('/internal/conversations', undefined, asked)).toString(),
      ) as ConversationStates
    },
    async contacts(user, users) {
      const path = `/internal/users/${pathSegment(user)}/contacts`
      return JSON.parse((await post(path, undefined, { users })).toString()) as Contacts
    },
    async receipts(asked) {
      return JSON.parse((await post('/internal/receipts', undefined, asked)).toString()) as ReceiptStates
    },
  }
}
