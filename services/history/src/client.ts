import { type Clock, systemClock } from '@rabble/clock'
import { type MessageEvent, pathSegment } from '@rabble/contract'
import { type InternalTokens, withTimeout } from '@rabble/service'
import type { FastifyInstance } from 'fastify'
import type { Replay, ReplayQuery } from './replay.ts'

export type { Replay, ReplayQuery } from './replay.ts'

/** A message that a gateway asked for. */
export interface Found {
  /** Offset of the log up to which the room is surely stored; null if nothing of its partition is. */
  through: number | null
  /** As it is after its changes; undefined if it isn't stored. */
  message: MessageEvent | undefined
}

/** What other services ask history. The same calls over HTTP and, in one process, without a socket. */
export interface HistoryClient {
  /**
   * What followed in a room. The lines are JSON as Latin-1 strings: a byte is a character.
   * `user` is the id of who asks, for rooms that not everybody may read.
   * @throws Error if history can't answer, within 5 seconds
   */
  replay(query: ReplayQuery, user: string | undefined): Promise<Replay>
  /**
   * A message of a room, as it is after its edits, or its deletion.
   * @throws Error if history can't answer, within 5 seconds
   */
  find(room: string, id: string, user: string | undefined): Promise<Found>
}

/** Milliseconds that history may take for an answer. */
const defaultTimeout = 5_000

type Call = (
  path: string,
  token: string,
  body: object,
  signal: AbortSignal,
) => Promise<{ status: number; body: Buffer }>

/** `url` is history's address, such as `http://history:8080`; `timeout` is in milliseconds. */
export function overHttp(
  url: string,
  internalTokens: Pick<InternalTokens, 'sign'>,
  timeout = defaultTimeout,
  clock: Clock = systemClock,
): HistoryClient {
  const times = { timeout, clock }
  return createClient(internalTokens, times, async (path, token, body, signal) => {
    const response = await fetch(new URL(path, url), {
      method: 'POST',
      headers: headers(token),
      body: JSON.stringify(body),
      signal,
    })
    return { status: response.status, body: Buffer.from(await response.arrayBuffer()) }
  })
}

/** `app` has history's routes. */
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
  async function ask(room: string, what: string, user: string | undefined, query: object): Promise<Buffer> {
    const token = await internalTokens.sign({ caller: 'gateway', ...(user !== undefined && { for: user }) })
    const path = `/internal/rooms/${pathSegment(room)}/${what}`
    const { status, body } = await withTimeout(clock, timeout, (signal) => call(path, token, query, signal))
    if (status !== 200) throw new Error(`history answered ${status}: ${body.toString().slice(0, 200)}`)
    return body
  }

  return {
    async replay({ room, ...query }, user) {
      const body = await ask(room, 'replay', user, query)
      const [head = '', ...lines] = body.toString('latin1').split('\n')
      return { ...(JSON.parse(head) as Omit<Replay, 'lines'>), lines }
    },
    async find(room, id, user) {
      const { through, message } = JSON.parse((await ask(room, 'message', user, { id })).toString())
      return { through, message: message ?? undefined }
    },
  }
}
