import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ChatEvent, MessagesReply, ServerFrames } from '@rabble/contract'
import { type ChatClient, connectChat, ReplyError } from './chat-client.ts'
import type { TestContext } from './test-context.ts'

export interface SteadyOptions {
  /** `http://` address of Nginx or of a gateway; a function is asked before each connection. */
  url: string | (() => string)
  name: string
  /** Rooms that it is in, always. */
  rooms: readonly string[]
}

/** One loss of a connection and what came of it. Times are in milliseconds, `performance.now()`. */
export interface Comeback {
  lostAt: number
  /** Until the new connection was in all rooms again. */
  away: number
  /** Whether the gateway had asked for it by a `reconnect` frame. */
  asked: boolean
  /** The close code of the lost connection. */
  code: number
}

/**
 * A client as docs/protocol/websocket.md wants it: it comes back after each loss, resumes its rooms, sends again under the same cid
 * what was not acknowledged. It drops nothing that it gets twice, so that a checker sees it.
 */
export interface SteadyClient {
  readonly name: string
  /** The gateway of the newest connection. */
  readonly gateway: string
  /** Resolves with the id once the message is acknowledged, however long that takes. */
  send(room: string, text: string): Promise<string>
  /** Ids of its own messages that were acknowledged. */
  readonly acknowledged: readonly string[]
  /** Ids of all messages seen of a room, in the order in which they came, over all connections. */
  ids(room: string): string[]
  readonly comebacks: readonly Comeback[]
  /** Connections that were refused or failed while it wanted to come back. */
  readonly failures: number
  /** Resolves when it is connected and in all rooms. @throws Error if that takes longer than `timeout` ms (60,000) */
  connected(timeout?: number): Promise<void>
  /** Leaves for good. */
  stop(): Promise<void>
}

/** A connection, and what was missed before it that only history still had. */
interface Part {
  client: ChatClient
  missed: Map<string, ChatEvent[]>
}

/** Milliseconds: the longest pause between two attempts, and how often what waits looks for a connection. */
const longestPause = 3_000
const lookEvery = 20
/** Milliseconds for a reply: a gateway that is frozen is not to be waited for longer. */
const replyTimeout = 10_000

/** Starts one, and resolves when it is in all its rooms. */
export async function startSteadyClient(t: TestContext, options: SteadyOptions): Promise<SteadyClient> {
  const { name, rooms } = options
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
    parts.flatMap(({ client, missed }) => [...(missed.get(room) ?? []), ...client.events(room)])

  async function connect(): Promise<ChatClient> {
    const url = address()
    const last = new Map(rooms.map((room) => [room, eventsOf(room).at(-1)?.id]))
    const client = await connectChat(t, url, { name, timeout: replyTimeout })
    const part: Part = { client, missed: new Map() }
    try {
      for (const room of rooms) {
        const after = last.get(room)
        const joined = await client.join(room, after === undefined ? {} : { after })
        if (after !== undefined && !joined.complete) {
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

  /** Resolves when the connection is lost, or given up because the gateway asked for that. */
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
  // An error is told by `connected` and by `stop`.
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

/** What happened after an event and before those that a gateway still had, from history. */
async function missedIn(
  url: string,
  room: string,
  after: string,
  joined: ServerFrames['joined'],
): Promise<ChatEvent[]> {
  const known = new Set(joined.events.map(({ id }) => id))
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
      // Without a gateway's first event in it, history lags: then the rest is to come.
      if (known.size === 0) return missed
      throw new ReplyError('unavailable', 'history has not caught up yet')
    }
    cursor = last.id
  }
}
