import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { MessageEvent } from '@rabble/contract'
import {
  assertNothingLeft,
  type ChatClient,
  checkOrder,
  connectChat,
  createRandom,
  noRateLimits,
  ReplyError,
  startCluster,
  until,
} from '@rabble/harness'
import t, { type Test } from 'tap'
import { wreakHavoc } from '../havoc.ts'
import { hostileTexts } from '../hostile-texts.ts'

assertNothingLeft(t)

const total = Number(process.env.HISTORY_ORDER_MESSAGES ?? 5_000)
const seed = Number(process.env.HISTORY_ORDER_SEED ?? randomInt(2 ** 31))
/** Time over which the messages are spread, so that history is killed and frozen many times meanwhile. */
const seconds = 5 + total / 900
/** Maximum number of messages that a client sends at once. */
const most = 8
const rooms = Array.from({ length: 50 }, (_, n) => `room ${n}`)

/** Members of one room, on different gateways, and their acknowledged messages. */
interface Conversation {
  room: string
  clients: ChatClient[]
  acknowledged: string[]
}

/** Starts two histories on one database, and a conversation of two members in each room. */
async function startAll(t: Test) {
  const { gateways, histories, postgres } = await startCluster(t, {
    histories: 2,
    rooms: 0,
    nginx: false,
    ownServers: true,
    env: noRateLimits,
  })
  const conversations = await Promise.all(
    rooms.map(async (room): Promise<Conversation> => {
      const clients = await Promise.all(
        gateways.map((gateway, n) => connectChat(t, gateway.url, { name: `${room} ${n}`, timeout: 60_000 })),
      )
      await Promise.all(clients.map((client) => client.join(room)))
      return { room, clients, acknowledged: [] }
    }),
  )
  return { postgres, histories, conversations }
}

/** All members of a room write at once, so that the log decides the order, and then pause. */
async function converse(conversation: Conversation, random: () => number): Promise<void> {
  const { room, clients } = conversation
  const count = total / rooms.length
  for (let sent = 0; sent < count; ) {
    const before = sent
    const round = clients.flatMap((client) => {
      const burst = Math.min(count - sent, Math.ceil(random() * most))
      return Array.from({ length: burst }, () => deliver(conversation, client, `${room}, message ${sent++}`))
    })
    await Promise.all(round)
    await sleep((sent - before) * (seconds / count) * 1_000 * random() * 2)
  }
}

/** Sends a message with the same cid until it is acknowledged. */
async function deliver({ room, acknowledged }: Conversation, client: ChatClient, cid: string): Promise<void> {
  const text = `${cid} ${hostileTexts[acknowledged.length % hostileTexts.length]}`
  for (;;) {
    try {
      const { id } = await client.send(room, text, { cid })
      acknowledged.push(id)
      return
    } catch (error) {
      if (!(error instanceof ReplyError) || error.code !== 'unavailable') throw error
      await sleep(50)
    }
  }
}

/** Reads all messages of a room, or those on one side of a message, page by page, in the order of the log. */
async function read(
  url: string,
  room: string,
  direction: 'before' | 'after',
  id?: string,
): Promise<MessageEvent[]> {
  const messages: MessageEvent[] = []
  for (let cursor = id; ; ) {
    const query = new URLSearchParams({ limit: '37', ...(cursor !== undefined && { [direction]: cursor }) })
    const reply = await fetch(`${url}/api/rooms/${encodeURIComponent(room)}/messages?${query}`)
    if (!reply.ok) throw new Error(`${reply.status} ${await reply.text()}`)
    const page = (await reply.json()) as { messages: MessageEvent[]; hasMore: boolean; gaps?: unknown }
    if (page.gaps !== undefined) throw new Error(`${room} has gaps: ${JSON.stringify(page.gaps)}`)
    if (direction === 'before') messages.unshift(...page.messages)
    else messages.push(...page.messages)
    cursor = page.messages.at(direction === 'before' ? 0 : -1)?.id
    if (!page.hasMore) return messages
  }
}

const idsOf = (messages: readonly MessageEvent[]) => messages.map(({ id }) => id)

t.test(
  'while its leader and PostgreSQL are killed again and again, history gets what clients saw live: all, once, in order',
  { timeout: 900_000 },
  async (t) => {
    t.comment(`HISTORY_ORDER_SEED=${seed} HISTORY_ORDER_MESSAGES=${total}`)
    const { postgres, histories, conversations } = await startAll(t)
    const havoc = wreakHavoc({ histories, postgres, random: createRandom(seed) })
    await Promise.all(conversations.map((talk, n) => converse(talk, createRandom(seed + 1 + n))))
    const done = await havoc.stop()

    // All acknowledged messages are before this one in the log, so a client that has seen it has had time to see all.
    for (const { room, clients, acknowledged } of conversations) {
      const last = await clients[0]?.send(room, 'the end')
      if (last === undefined) throw new Error('nobody is in the room')
      acknowledged.push(last.id)
      await Promise.all(clients.map((client) => client.sees(last.id, 60_000)))
    }
    await Promise.all(histories.map((history) => history.ready()))
    const [one = '', two = ''] = histories.map(({ url }) => url)
    const newest = conversations.at(-1)?.acknowledged.at(-1) ?? ''
    const hasIt = async () => idsOf(await read(one, rooms.at(-1) ?? '', 'before')).includes(newest)
    await until(hasIt, 120_000, 'history to have the newest message')

    const acknowledged = conversations.flatMap((talk) => talk.acknowledged)
    t.equal(new Set(acknowledged).size, total + rooms.length)
    const findings: string[] = []
    for (const { room, clients, acknowledged } of conversations) {
      const live = clients.map((client) => client.messages(room))
      const backwards = await read(one, room, 'before')
      const [first] = backwards
      const forwards = first === undefined ? [] : [first, ...(await read(two, room, 'after', first.id))]
      const report = checkOrder(
        {
          'live on one gateway': idsOf(live[0] ?? []),
          'live on the other': idsOf(live[1] ?? []),
          'history from its end': idsOf(backwards),
          'history from its beginning': idsOf(forwards),
        },
        acknowledged,
      )
      if (!report.ok) findings.push(`${room}: ${report.text}`)
      else if (!isDeepStrictEqual(backwards, live[0])) findings.push(`${room}: not what clients were told`)
    }
    t.same(findings, [], 'history and the clients on both gateways have the same messages in the same order')
    t.comment(`${acknowledged.length} messages; ${JSON.stringify(done)}`)
  },
)
