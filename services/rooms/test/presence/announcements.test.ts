import { createManualClock } from '@rabble/clock/manual'
import type { ChatEvent, MessageEvent, User } from '@rabble/contract'
import t from 'tap'
import { createAnnouncements } from '../../src/presence/announcements.ts'

const times = { soon: 1_000, interval: 5_000 }

function userOf(name: string): User {
  return { id: name.toLowerCase(), name }
}

/** Makes the announcements of one room. */
function build({ muted = [] as string[], failing = false } = {}) {
  const clock = createManualClock()
  const told: MessageEvent[] = []
  let errors = 0
  let version = 0
  const announcements = createAnnouncements({
    log: {
      async publish(event: ChatEvent) {
        if (failing) throw new Error('no log')
        told.push(event as MessageEvent)
      },
    },
    muted: async (_room, users) => new Set(users.filter((user) => muted.includes(user))),
    onError: () => errors++,
    times,
    clock,
  })
  const change = (joined: string[], left: string[]) =>
    announcements.add({
      room: 'lobby',
      joined: joined.map(userOf),
      left: left.map(userOf),
      count: 1,
      version: ++version,
      announce: true,
    })
  return {
    clock,
    announcements,
    told,
    texts: () => told.map(({ text }) => text),
    errors: () => errors,
    join: (...names: string[]) => change(names, []),
    leave: (...names: string[]) => change([], names),
  }
}

t.test('all who come, and all who go, within some seconds are told in one message each', async (t) => {
  const { clock, told, texts, join, leave } = build()
  join('Ada')
  join('Bob', 'Cy')
  await clock.advance(times.soon)
  t.strictSame(texts(), ['Ada, Bob and Cy joined'])
  t.match(told[0], {
    room: 'lobby',
    from: { id: 'system' },
    meta: { system: 'joined', users: [userOf('Ada'), userOf('Bob'), userOf('Cy')], count: 3 },
  })
  leave('Ada', 'Bob')
  join('Dan')
  await clock.advance(times.interval)
  t.strictSame(texts().slice(1), ['Ada and Bob left', 'Dan joined'])
  join(...Array.from({ length: 24 }, (_, n) => `U${n}`))
  await clock.advance(times.interval)
  t.match(texts().at(-1), /^U0, U1, .*, U19 and 4 others joined$/)
  t.equal(new Set(told.map(({ id }) => id)).size, told.length)
})

t.test('joining and leaving without end makes a few messages, not one each', async (t) => {
  const { clock, texts, join, leave } = build()
  for (let n = 0; n < 500; n++) {
    join('Eve')
    await clock.advance(10)
    leave('Eve')
    await clock.advance(10)
  }
  t.ok(texts().length <= 4, `${texts().length} messages in ten seconds`)
  const before = texts().length
  for (let seconds = 0; seconds < 60; seconds += 3) {
    join('Eve')
    await clock.advance(1_500)
    leave('Eve')
    await clock.advance(1_500)
  }
  const more = texts().length - before
  t.ok(more <= 2 * 13, `${more} messages in a minute`)
})

t.test('a page that is reloaded is no news', async (t) => {
  const { clock, texts, join, leave } = build()
  leave('Ada')
  await clock.advance(times.soon / 2)
  join('Ada')
  await clock.advance(2 * times.interval)
  t.strictSame(texts(), [])
})

t.test('a user who is muted is not named', async (t) => {
  const { clock, texts, join, leave } = build({ muted: ['eve'] })
  join('Eve')
  await clock.advance(times.soon)
  t.strictSame(texts(), [])
  join('Ada')
  leave('Eve')
  await clock.advance(times.interval)
  t.strictSame(texts(), ['Ada joined'])
})

t.test('what could not be told is counted, and nothing is told after the end', async (t) => {
  const failing = build({ failing: true })
  failing.join('Ada')
  await failing.clock.advance(times.soon)
  t.equal(failing.errors(), 1)
  const { clock, announcements, texts, join } = build()
  join('Ada')
  announcements.close()
  await clock.advance(2 * times.interval)
  t.strictSame(texts(), [])
  t.equal(clock.pending, 0)
})
