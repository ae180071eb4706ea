import type { PersonalEvent } from '@rabble/contract'
import { createRandom } from '@rabble/harness'
import { conversationsOf } from '../../src/messages/conversations.ts'
import { checkConversations } from '../conversations-model.ts'
import { onBoth } from '../databases.ts'
import { message } from '../message.ts'
import { write } from '../write.ts'

const first = Number(process.env.CONVERSATIONS_SEED ?? Date.now() % 2 ** 31)
const readable = async (_user: string, rooms: readonly string[]) => new Set(rooms)

function personal(id: string, user: string, room: string) {
  return { id, user, room, at: '2026-11-22T10:00:00.000Z', via: 'gateway-1' }
}

/** Runs work several times, and returns the median and the longest time in milliseconds. */
async function timed(times: number, work: (n: number) => Promise<unknown>): Promise<string> {
  const durations: number[] = []
  for (let n = 0; n < times; n++) {
    const start = performance.now()
    await work(n)
    durations.push(performance.now() - start)
  }
  durations.sort((a, b) => a - b)
  return `median ${durations[times >> 1]?.toFixed(1)} ms, longest ${durations.at(-1)?.toFixed(1)} ms`
}

await onBoth(async (t, databases) => {
  for (let seed = first; seed < first + 5; seed++) {
    await t.test(`lists are what one counts, CONVERSATIONS_SEED=${seed}`, async (t) => {
      await checkConversations(t, await databases.migrated(t), { seed, count: 600 })
    })
  }

  await t.test(
    'a user in 10,000 rooms lists them page by page, and 1,000 members read at once',
    async (t) => {
      const database = await databases.migrated(t)
      const random = createRandom(first)
      const joined = (user: string, room: string): PersonalEvent => ({
        type: 'membership',
        ...personal(`${user} in ${room}`, user, room),
        member: true,
      })
      for (let from = 0; from < 10_000; from += 1_000) {
        const rooms = Array.from({ length: 1_000 }, (_, n) => `room-${from + n}`)
        await write(
          database,
          0,
          rooms.map((room) => joined('ada', room)),
        )
        const at = () => new Date(Date.UTC(2026, 10, 22) + Math.floor(random() * 1e9)).toISOString()
        const from_ = { id: 'bob', name: 'Bob' }
        await write(
          database,
          0,
          rooms.flatMap((room) =>
            [1, 2].map((n) => message(`${room} ${n}`, { room, from: from_, at: at() })),
          ),
        )
      }
      await write(database, 0, [joined('ada', 'one too many')])
      const list = async (after?: string) =>
        JSON.parse(await conversationsOf(database, { user: 'ada', limit: 200, after, readable }))
      let found = 0
      let cursor: string | undefined
      const pages = await timed(50, async () => {
        const page = await list(cursor)
        found += page.conversations.length
        cursor = page.next
        for (const { unread } of page.conversations) if (unread !== 2) t.fail(`${unread} unread`)
      })
      t.equal(found, 10_000, 'all rooms are listed, and no more than that')
      t.comment(`a page of 200 of 10,000 conversations: ${pages}`)

      const members = Array.from({ length: 1_000 }, (_, n) => `member-${n}`)
      await write(
        database,
        0,
        members.map((user) => joined(user, 'hall')),
      )
      let n = 0
      const say = async () => {
        const text = message(`hall ${n++}`, { room: 'hall', from: { id: 'eve', name: 'Eve' } })
        await write(database, 0, [text])
      }
      t.comment(`a message in a room of 1,000 members: ${await timed(50, say)}`)
      const reads = await timed(20, async (round) => {
        const upTo = `hall ${round}`
        await write(
          database,
          0,
          members.map((user) => ({
            type: 'read' as const,
            ...personal(`${user} ${round}`, user, 'hall'),
            upTo,
          })),
        )
      })
      t.comment(`1,000 members read at once: ${reads}`)
      const page = JSON.parse(await conversationsOf(database, { user: 'member-7', limit: 1, readable }))
      t.match(page.conversations[0], { room: 'hall', unread: 30, readUpTo: 'hall 19' })
    },
  )
})
