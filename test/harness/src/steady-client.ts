import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ChatEvent, MessagesReply, ServerFrames } from '@rabble/contract'
import { type ChatClient, connectChat, ReplyError, type Transport } from './chat-client.ts'
import type { TestContext } from './test-context.ts'

export interface SteadyOptions {
  /** `http://` address of Nginx or of a gateway. A function is called before each connection. */
  url: string | (() => string)
  name: string
  /** Token of an account. Default: it is a guest of this name. */
  token?: string
  /** Default: `websocket`. */
  transport?: Transport
  /** Rooms that it joins on each connection. */
  rooms: readonly string[]
}

/** A lost connection and its replacement. Times are in milliseconds, of `performance.now()`. */
export interface Comeback {
  lostAt: number
  /** Time until the new connection had joined all rooms. */
  away: number
  /** Whether the gateway had requested it by a `reconnect` frame. */
  asked: boolean
  /** Close code of the lost connection. */
  code: number
}

/**
 * A client as docs/protocol/websocket.md describes it: it reconnects after each loss, resumes its rooms, and sends messages
 * that were not acknowledged again with the same cid. It keeps duplicates, so that a checker sees them.
 */
export interface SteadyClient {
  readonly name: string
  /** Gateway of the newest connection. */
  readonly gateway: string
  /** Resolves with the id once the message is acknowledged, without a timeout. */
  send(room: string, text: string): Promise<string>
  /** Ids of its acknowledged messages. */
  readonly acknowledged: readonly string[]
  /** Returns the ids of all messages of a room that it received, over all connections, in the order of arrival. */
  ids(room: string): string[]
  readonly comebacks: readonly Comeback[]
  /** Number of failed attempts to reconnect. */
  readonly failures: number
  /** Resolves when it is connected and in all rooms. @throws Error after `timeout` ms (default: 60,000) */
  connected(timeout?: number): Promise<void>
  /** Closes the connection and stops reconnecting. */
  stop(): Promise<void>
}

/** A connection, and the events before it that were fetched from history. */
interface Part {
  client: ChatClient
  missed: Map<string, ChatEvent[]>
  /**
   * Ids that it had before, of rooms whose replay was not complete: their events may come again, and a client keeps the first of each id
   * (docs/protocol/websocket.md, Coming back).
   */
  known: Map<string, ReadonlySet<string>>
}

/** Longest pause (ms) between two attempts, and interval (ms) of the checks for a connection. */
const longestPause = 3_000
const lookEvery = 20
/** Timeout (ms) of a reply: a frozen gateway sends none. */
const replyTimeout = 10_000

/** Starts a steady client, and resolves when it is in all its rooms. */
export async function startSteadyClient(t: TestContext, options: SteadyOptions): Promise<SteadyClient> {
  const { name, rooms, token, transport = 'websocket' } = options
  const address = typeof options.url === 'string' ? () => options.url as string : options.url
  const parts: Part[] = []
  const acknowledged: string[] = []
  const comebacks: Comeback[] = []
  let failures = 0
  let current: ChatClient | undefined
  let gateway = ''
  let stopped = false
  t.teardown(() => {
    stopped = true
  })

  const eventsOf = (room: string) =>
    parts.flatMap(({ client, missed, known }) => {
      const found = missed.get(room)
      if (found === undefined) return client.events(room)
      const events = [...found, ...client.events(room)]
      const seen = new Set(known.get(room))
      return events.filter(({ id }) => !seen.has(id) && seen.add(id))
    })

  async function connect(): Promise<ChatClient> {
    const url = address()
    const last = new Map(rooms.map((room) => [room, eventsOf(room).at(-1)?.id]))
    const as = token === undefined ? { name } : { token }
    const client = await connectChat(t, url, { ...as, transport, timeout: replyTimeout })
    const part: Part = { client, missed: new Map(), known: new Map() }
    try {
      for (const room of rooms) {
        const after = last.get(room)
        const joined = await client.join(room, after === undefined ? {} : { after })
        if (after !== undefined && !joined.complete) {
          part.known.set(room, new Set(eventsOf(room).map(({ id }) => id)))
          part.missed.set(room, await missedIn(url, room, after, joined))
        }
      }
    } catch (error) {
      void client.close()
      throw error
    }
    parts.push(part)
    const welcome = client.frames.find((frame) => frame.type === 'welcome')
    if (welcome?.type === 'welcome') gateway = welcome.gateway
    return client
  }

  async function comeBack(): Promise<ChatClient | undefined> {
    for (let attempt = 0; !stopped; attempt++) {
      try {
        return await connect()
      } catch (error) {
        if (error instanceof ReplyError && ['forbidden', 'unauthorized', 'bad-frame'].includes(error.code)) {
          throw error
        }
        failures++
        await sleep(Math.random() * Math.min(longestPause, 100 * 2 ** attempt))
      }
    }
    return undefined
  }

  /** Resolves when the connection is lost, or closed because the gateway requested it. */
  async function lost(client: ChatClient): Promise<Omit<Comeback, 'away'>> {
    let asked = false
    void client
      .waitFor(({ type }) => type === 'reconnect', 2 ** 31 - 1)
      .then(async (frame) => {
        asked = true
        await sleep((frame as ServerFrames['reconnect']).after)
        await client.close()
      })
      .catch(() => {})
    const { code } = await client.closed
    return { lostAt: performance.now(), asked, code }
  }

  const first = await connect()
  current = first
  const life = (async () => {
    for (let client: ChatClient | undefined = first; client !== undefined && !stopped; ) {
      const loss = await lost(client)
      current = undefined
      if (stopped) return
      client = await comeBack()
      if (client === undefined) return
      comebacks.push({ ...loss, away: performance.now() - loss.lostAt })
      current = client
    }
  })()
  // `connected` and `stop` report an error.
  let failed: unknown
  life.catch((error: unknown) => {
    failed = error
    stopped = true
  })

  async function online(until: number): Promise<ChatClient> {
    while (current === undefined) {
      if (failed !== undefined) throw failed
      if (stopped) throw new Error(`${name} was stopped`)
      if (performance.now() > until) throw new Error(`${name} did not come back in time`)
      await sleep(lookEvery)
    }
    return current
  }

  return {
    name,
    get gateway() {
      return gateway
    },
    acknowledged,
    comebacks,
    get failures() {
      return failures
    },
    ids: (room) => eventsOf(room).flatMap((event) => (event.type === 'message' ? [event.id] : [])),
    async send(room, text) {
      const cid = randomUUID()
      for (;;) {
        const client = await online(Number.POSITIVE_INFINITY)
        try {
          const { id } = await client.send(room, text, { cid })
          acknowledged.push(id)
          return id
        } catch (error) {
          if (!(error instanceof ReplyError) || !isPassing(error)) throw error
          await sleep(error.retryAfter ?? 50 + Math.random() * 50)
        }
      }
    },
    async connected(timeout = 60_000) {
      await online(performance.now() + timeout)
    },
    async stop() {
      stopped = true
      await current?.close()
      await life
    },
  }
}

function isPassing({ code }: ReplyError): boolean {
  return ['unavailable', 'rate-limited', 'closed', 'timeout', 'not-joined'].includes(code)
}

/** Fetches from history the events of a room between `after` and the first event of `joined`. */
async function missedIn(
  url: string,
  room: string,
  after: string,
  joined: ServerFrames['joined'],
): Promise<ChatEvent[]> {
  const known = new Set(joined.events.map(({ id }) => id))
  if (known.has(after)) return []
  const missed: ChatEvent[] = []
  for (let cursor = after; ; ) {
    const query = `after=${encodeURIComponent(cursor)}&limit=200`
    const response = await fetch(
      `${new URL(url).origin}/api/rooms/${encodeURIComponent(room)}/messages?${query}`,
    )
    if (!response.ok) throw new ReplyError('unavailable', `history answered ${response.status}`)
    const page = (await response.json()) as MessagesReply
    for (const event of page.messages) {
      if (known.has(event.id)) return missed
      missed.push(event)
    }
    const last = page.messages.at(-1)
    if (last === undefined || !page.hasMore) {
      // If the gateway sent events and history doesn't have the first of them yet, history lags behind.
      if (known.size === 0) return missed
      throw new ReplyError('unavailable', 'history has not caught up yet')
    }
    cursor = last.id
  }
}
