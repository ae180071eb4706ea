import { isDeepStrictEqual } from 'node:util'
import { type ChatEvent, changed, type MessageEvent } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { createRandom } from '@rabble/harness'
import type { Test } from 'tap'
import { exportOf } from '../src/messages/export.ts'
import { type PageQuery, pageOf } from '../src/messages/page.ts'
import { replayOf } from '../src/messages/replay.ts'
import { search } from '../src/search/search.ts'
import { allOf } from './build.ts'
import { deletion, edit, firstOf, foldedOf, reaction, wholeOf } from './change.ts'
import { message } from './message.ts'
import { index, write } from './write.ts'

const rooms = ['general', 'random']
const users = ['ada', 'bob', 'eve'].map((id) => ({ id, name: id.toUpperCase() }))

/**
 * Returns a log of messages, and of changes by any user. A tenth of the events is repeated later, and a few changes come before
 * their messages.
 */
function randomLog(random: () => number, count: number): ChatEvent[] {
  const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)] as Item
  const log: ChatEvent[] = []
  const messages: MessageEvent[] = []
  const revisions = new Map<string, number>()
  for (let n = 0; n < count; n++) {
    const what = random()
    const target = pick(messages)
    // Mostly the author of the message.
    const by = { from: random() < 0.8 && target !== undefined ? target.from : pick(users) }
    const may = random() < 0.1 ? ({ moderator: true } as const) : {}
    const where = { room: random() < 0.95 && target !== undefined ? target.room : pick(rooms) }
    const text = `word${n}x`
    if (what < 0.4 || target === undefined) {
      const event = message(`m${n}`, {
        room: pick(rooms),
        from: pick(users),
        text,
        meta: { is: `meta${n}x` },
      })
      messages.push(event)
      log.push(event)
    } else if (what < 0.6) {
      const { from } = by
      const emoji = pick(['👍', '🎉'])
      const key = `${target.id} ${from.id} ${emoji}`
      const revision = (revisions.get(key) ?? 0) + 1
      revisions.set(key, revision)
      log.push(reaction(`r${n}`, target.id, { room: target.room, from, emoji, revision }))
    } else if (what < 0.8) {
      log.push(edit(`e${n}`, target.id, { ...by, ...may, ...where, text }))
    } else if (what < 0.9) {
      log.push(deletion(`d${n}`, target.id, { ...by, ...may, ...where }))
    } else {
      log.push(pick(log))
    }
  }
  for (let n = 0; n < 10; n++) {
    const { id, room, from } = pick(messages)
    const place = log.findIndex((event) => event.id === id)
    log.splice(Math.max(0, place - 2), 0, edit(`early${n}`, id, { room, from, text: `early${n}x` }))
  }
  return log
}

/** Writes a log in steps of random sizes, some of them row by row. */
async function writeAll(database: Database, log: readonly ChatEvent[], random: () => number): Promise<void> {
  for (let from = 0; from < log.length; ) {
    const size = 1 + Math.floor(random() ** 3 * 40)
    await write(database, 0, log.slice(from, from + size), { careful: random() < 0.2 })
    if (random() < 0.2) await index(database, 7)
    from += size
  }
}

/** Returns the page that a cursor selects among the events of a room. */
function pageOfModel(inRoom: readonly ChatEvent[], query: Omit<PageQuery, 'room'>) {
  const cursor = inRoom.findIndex(({ id }) => id === (query.before ?? query.after))
  const ids = (part: readonly ChatEvent[]) =>
    part.filter(({ type }) => type === 'message').map(({ id }) => id)
  const older = ids(query.after === undefined ? inRoom.slice(0, cursor) : inRoom.slice(0, cursor + 1))
  const newer = ids(query.after === undefined ? inRoom.slice(cursor) : inRoom.slice(cursor + 1))
  return query.after === undefined
    ? {
        ids: older.slice(-query.limit),
        hasMoreBefore: older.length > query.limit,
        hasMoreAfter: newer.length > 0,
      }
    : {
        ids: newer.slice(0, query.limit),
        hasMoreBefore: older.length > 0,
        hasMoreAfter: newer.length > query.limit,
      }
}

/** Returns what a client shows that has seen a part of a room and then received the rest. */
function shownBy(seen: readonly ChatEvent[], told: readonly ChatEvent[]): MessageEvent[] {
  const shown = new Map(foldedOf(seen).map((message) => [message.id, message]))
  for (const event of told) {
    if (event.type === 'message') {
      if (!shown.has(event.id)) shown.set(event.id, event)
      continue
    }
    const target = shown.get(event.message)
    if (target !== undefined) shown.set(target.id, changed(target, event))
  }
  return [...shown.values()]
}

/** A question, its answer, and the expected answer. */
interface Answer {
  asked: string
  found: unknown
  expected: unknown
}

/** Compares all answers of a kind at once, and shows the first ones that differ. */
function compare(t: Test, kind: string, answers: readonly Answer[]): void {
  const wrong = answers.filter(({ found, expected }) => !isDeepStrictEqual(found, expected))
  const first = wrong.slice(0, 3)
  t.strictSame(
    first.map(({ asked, found }) => ({ asked, answer: found })),
    first.map(({ asked, expected }) => ({ asked, answer: expected })),
    `${kind}: ${wrong.length} of ${answers.length} answers are wrong`,
  )
}

async function wholeRooms(database: Database, messages: readonly MessageEvent[]): Promise<Answer[]> {
  const answers: Answer[] = []
  for (const room of rooms) {
    const expected = messages.filter((message) => message.room === room)
    answers.push({ asked: `all of ${room}`, found: await allOf(database, room), expected })
    const chunks: string[] = []
    for await (const chunk of exportOf(database, room, (work) => work())) chunks.push(chunk)
    const lines = chunks.join('').split('\n').slice(0, -1)
    const exported = lines.map((line) => JSON.parse(line))
    answers.push({ asked: `export of ${room}`, found: exported, expected })
  }
  return answers
}

async function pages(database: Database, log: readonly ChatEvent[], random: () => number): Promise<Answer[]> {
  const answers: Answer[] = []
  for (const room of rooms) {
    const inRoom = firstOf(log).filter((event) => event.room === room)
    const messages = inRoom.filter(({ type }) => type === 'message').length
    for (const { id } of inRoom) {
      for (const cursor of [{ before: id }, { after: id }]) {
        const query = { ...cursor, limit: 1 + Math.floor(random() * 30) }
        const { lines, gaps, ...more } = await pageOf(database, { room, ...query })
        const ids = lines.map((line): string => JSON.parse(line).id)
        const expected = { ...pageOfModel(inRoom, query), gaps: [] }
        answers.push({ asked: `${room} ${JSON.stringify(query)}`, found: { ids, ...more, gaps }, expected })
      }
      const { lines } = await pageOf(database, { room, around: id, limit: 1_000 })
      answers.push({ asked: `${room} around ${id}`, found: lines.length, expected: messages })
    }
  }
  return answers
}

async function replays(database: Database, log: readonly ChatEvent[]): Promise<Answer[]> {
  const answers: Answer[] = []
  for (const room of rooms) {
    const inRoom = firstOf(log).filter((event) => event.room === room)
    const shown = foldedOf(inRoom)
    for (const [place, { id }] of inRoom.entries()) {
      const query = { room, after: [id], limit: 10_000 }
      const { ids, lines, complete } = await replayOf(database, 1, query)
      const told: ChatEvent[] = lines.slice(1).flatMap((line) => (line === '' ? [] : JSON.parse(line)))
      const changes = told.flatMap((event) =>
        event.type === 'message' ? [] : `${event.type === 'reaction'} ${event.message}`,
      )
      const expected = inRoom.slice(place).map((event) => event.id)
      answers.push({
        asked: `replay of ${room} after ${id}`,
        found: {
          complete,
          ids,
          lines: lines.length,
          shown: shownBy(inRoom.slice(0, place + 1), told),
          // Only the newest edit or deletion, and the newest reaction, of each message.
          changesOfOneMessage: changes.length - new Set(changes).size,
        },
        expected: {
          complete: true,
          ids: expected,
          lines: expected.length,
          shown,
          changesOfOneMessage: 0,
        },
      })
    }
  }
  return answers
}

/** Checks each word that was ever written: found if a message has it now, and stored nowhere if not. */
async function words(
  database: Database,
  log: readonly ChatEvent[],
  messages: readonly MessageEvent[],
): Promise<Answer[]> {
  const answers: Answer[] = []
  const whole = await wholeOf(database)
  for (const word of log.flatMap((event) => ('text' in event ? event.text : []))) {
    const query = { q: word, scope: { user: undefined }, sort: 'newest', limit: 5 } as const
    const { results } = await search(database, query)
    const found = results.map(({ line }): MessageEvent => JSON.parse(line))
    const expected = messages.filter(({ text }) => text === word)
    answers.push({
      asked: word,
      found: { found, stored: whole.includes(word) },
      expected: { found: expected, stored: expected.length > 0 },
    })
  }
  for (const { id, deleted } of messages) {
    const word = id.replace(/^m(.*)/, 'meta$1x')
    answers.push({ asked: word, found: whole.includes(word), expected: deleted === undefined })
  }
  return answers
}

/** Writes a log of `count` events, and compares what is read with what the log says. */
export async function checkModel(
  t: Test,
  database: Database,
  { seed, count }: { seed: number; count: number },
): Promise<void> {
  const random = createRandom(seed)
  const log = randomLog(random, count)
  await writeAll(database, log, random)
  await index(database)
  const messages = foldedOf(log)
  compare(t, 'whole rooms', await wholeRooms(database, messages))
  compare(t, 'pages', await pages(database, log, random))
  compare(t, 'replays', await replays(database, log))
  compare(t, 'words', await words(database, log, messages))
}
