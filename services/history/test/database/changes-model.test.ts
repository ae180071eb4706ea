import { randomInt } from 'node:crypto'
import { type ChatEvent, changed, type MessageEvent } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { createRandom } from '@rabble/harness'
import t, { type Test } from 'tap'
import { exportOf } from '../../src/export.ts'
import { type PageQuery, pageOf } from '../../src/messages.ts'
import { replayOf } from '../../src/replay.ts'
import { search } from '../../src/search.ts'
import { allOf } from '../build.ts'
import { deletion, edit, firstOf, foldedOf, wholeOf } from '../change.ts'
import { onBoth } from '../databases.ts'
import { message } from '../message.ts'
import { index, write } from '../write.ts'

const seed = Number(process.env.CHANGES_SEED ?? randomInt(2 ** 31))
t.comment(`CHANGES_SEED=${seed}`)

const rooms = ['general', 'random']
const users = ['ada', 'bob', 'eve'].map((id) => ({ id, name: id.toUpperCase() }))

/**
 * A log of messages, and of changes of them by whoever, in which a tenth of the events stands again somewhere later, and a
 * few changes come before what they change.
 */
function randomLog(random: () => number, count: number): ChatEvent[] {
  const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)] as Item
  const log: ChatEvent[] = []
  const messages: MessageEvent[] = []
  for (let n = 0; n < count; n++) {
    const what = random()
    const target = pick(messages)
    // Mostly its author, who edits the newest messages most.
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
    } else if (what < 0.75) {
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

/** In steps of random sizes, of which some are written row by row. */
async function writeAll(database: Database, log: readonly ChatEvent[], random: () => number): Promise<void> {
  for (let from = 0; from < log.length; ) {
    const size = 1 + Math.floor(random() ** 3 * 40)
    await write(database, 0, log.slice(from, from + size), { careful: random() < 0.2 })
    if (random() < 0.2) await index(database, 7)
    from += size
  }
}

/** The page of all messages that a cursor asks for. */
function pageOfModel(events: readonly ChatEvent[], room: string, query: Omit<PageQuery, 'room'>) {
  const inRoom = firstOf(events).filter((event) => event.room === room)
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

/** What a client that has seen a part of a room shows after it was told the rest. */
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

async function checkReplays(t: Test, database: Database, events: readonly ChatEvent[]): Promise<void> {
  for (const room of rooms) {
    const inRoom = firstOf(events).filter((event) => event.room === room)
    for (const [place, { id }] of inRoom.entries()) {
      const { ids, lines, ...head } = await replayOf(database, 1, { room, after: [id], limit: 10_000 })
      t.match(head, { joined: true, complete: true })
      t.strictSame(
        ids,
        inRoom.slice(place).map((event) => event.id),
        `ids after ${id}`,
      )
      t.equal(lines.length, ids.length)
      const told: ChatEvent[] = lines.slice(1).flatMap((line) => (line === '' ? [] : JSON.parse(line)))
      t.strictSame(shownBy(inRoom.slice(0, place + 1), told), foldedOf(inRoom), `what is shown after ${id}`)
      const changes = told.flatMap((event) => (event.type === 'message' ? [] : event.message))
      t.equal(new Set(changes).size, changes.length, 'of each message the newest change only')
      if (place % 4 > 0) continue
      const before = inRoom.at(-3)?.id ?? ''
      const part = await replayOf(database, 1, { room, after: [id], before, limit: 10_000 })
      t.strictSame(part.ids, ids.slice(0, Math.max(0, ids.length - 3)), `ids from ${id} to ${before}`)
    }
  }
}

await onBoth(async (t, databases) => {
  await t.test('whatever is changed by whom, all reads show what the log in its order says', async (t) => {
    const random = createRandom(seed)
    const database = await databases.migrated(t)
    const log = randomLog(random, 200)
    await writeAll(database, log, random)
    await index(database)
    const messages = foldedOf(log)

    for (const room of rooms) {
      const expected = messages.filter((message) => message.room === room)
      t.strictSame(await allOf(database, room), expected)
      const chunks = []
      for await (const chunk of exportOf(database, room, (work) => work())) chunks.push(chunk)
      t.equal(chunks.join(''), expected.map((message) => `${JSON.stringify(message)}\n`).join(''))
    }

    for (const { id, room } of firstOf(log)) {
      for (const cursor of [{ before: id }, { after: id }]) {
        const query = { ...cursor, limit: 1 + Math.floor(random() * 30) }
        const { lines, gaps, ...more } = await pageOf(database, { room, ...query })
        const ids = lines.map((line): string => JSON.parse(line).id)
        t.strictSame({ ids, ...more }, pageOfModel(log, room, query), `${room} ${JSON.stringify(query)}`)
        t.same(gaps, [])
      }
      const around = await pageOf(database, { room, around: id, limit: 1_000 })
      t.equal(around.lines.length, messages.filter((message) => message.room === room).length)
    }

    await checkReplays(t, database, log)

    const whole = await wholeOf(database)
    const texts = new Set(messages.map(({ text }) => text))
    for (const word of log.flatMap((event) => ('text' in event ? event.text : []))) {
      const { results } = await search(database, {
        q: word,
        scope: { user: undefined },
        sort: 'newest',
        limit: 5,
      })
      const found = results.map(({ line }): MessageEvent => JSON.parse(line))
      t.strictSame(
        found,
        messages.filter(({ text }) => text === word),
      )
      t.equal(
        whole.includes(word),
        texts.has(word),
        `${word} is stored if it is a message's, and nowhere if not`,
      )
    }
    for (const { id, deleted } of messages) {
      t.equal(whole.includes(id.replace(/^m(.*)/, 'meta$1x')), deleted === undefined)
    }
  })
})
