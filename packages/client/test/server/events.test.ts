import type { ChatEvent } from '@rabble/contract'
import t from 'tap'
import type { EventsGap, ServerEvent } from '../../src/server/index.ts'
import { createFake } from './fake-server.ts'

const event = (id: string): ChatEvent => ({
  type: 'message',
  room: 'general',
  id,
  from: { id: 'ada', name: 'Ada' },
  text: id,
  at: '2026-11-22T10:00:00.000Z',
  via: 'gateway-1',
})

/** Answers with events, whose positions are `after <id>`. */
function page(ids: string[], more: { position?: string; gap?: EventsGap } = {}) {
  const events = ids.map((id) => ({ position: `after ${id}`, event: event(id) }))
  return { body: { events, position: events.at(-1)?.position ?? 'same', hasMore: false, ...more } }
}

const queriesOf = (asked: { path: string }[]) =>
  asked.map(({ path }) => decodeURIComponent(path.replace('api/events?', '')).replaceAll('+', ' '))
const idOf = ({ value }: IteratorResult<ServerEvent, unknown>) => (value as ServerEvent).event.id

t.test('it goes on after the saved position, and asks for more when all is taken', async (t) => {
  const { rabble, asked } = createFake([page(['a', 'b']), page([], { position: 'later' }), page(['c'])])
  const events = rabble.events({ after: 'saved', rooms: ['general', 'x y'], direct: true, buffer: 2 })
  t.same(asked, [], 'nothing is asked before it is read')
  t.same((await events.next()).value, { event: event('a'), position: 'after a' })
  t.equal(idOf(await events.next()), 'b')
  t.equal(asked.length, 1, 'a busy reader holds one page')
  t.equal(idOf(await events.next()), 'c')
  const query = 'limit=2&room=general&room=x y&direct=true'
  t.same(queriesOf(asked), [
    `${query}&after=saved&wait=25`,
    `${query}&after=after b&wait=25`,
    `${query}&after=later&wait=25`,
  ])
})

t.test('without a position it takes that of now at once, so that a lost answer costs nothing', async (t) => {
  const { rabble, asked, pass } = createFake([
    page([], { position: 'now' }),
    new TypeError('reset'),
    page(['a']),
  ])
  t.equal(idOf(await pass(rabble.events().next())), 'a')
  t.same(queriesOf(asked), [
    'limit=200&from=now&wait=0',
    'limit=200&after=now&wait=25',
    'limit=200&after=now&wait=25',
  ])
  const all = createFake([page(['a'])])
  t.equal(idOf(await all.rabble.events({ from: 'first' }).next()), 'a')
  t.same(queriesOf(all.asked), ['limit=200&from=first&wait=0'])
})

t.test('it repeats what fails, with pauses that grow, until there is an answer', async (t) => {
  t.intercept(Math, 'random', { value: () => 1 })
  const lost = Array.from({ length: 6 }, () => new TypeError('fetch failed'))
  const { rabble, asked, clock, pass } = createFake([...lost, 'silence', page(['a'])], { retryFor: 0 })
  const failures: string[] = []
  const began = clock.monotonic()
  const onRetry = ({ code }: { code: string }, attempt: number) => failures.push(`${attempt} ${code}`)
  t.equal(idOf(await pass(rabble.events({ after: 'p', onRetry }).next(), 500)), 'a')
  t.same(failures, [...[1, 2, 3, 4, 5, 6].map((n) => `${n} disconnected`), '7 timeout'])
  t.ok(clock.monotonic() - began >= 500 + 1_000 + 2_000 + 4_000 + 8_000 + 10_000 + 40_000)
  t.same(new Set(queriesOf(asked)), new Set(['limit=200&after=p&wait=25']))
})

t.test('a gap is told with the event behind it, once', async (t) => {
  const { rabble } = createFake([page([], { gap: 'log-lost' }), page(['a', 'b'])])
  const events = rabble.events({ after: 'p' })
  t.same((await events.next()).value, { event: event('a'), position: 'after a', gap: 'log-lost' })
  t.same((await events.next()).value, { event: event('b'), position: 'after b' })
})

t.test('what no retry can mend ends it with the error', async (t) => {
  const { rabble } = createFake([{ status: 403, body: { code: 'forbidden', message: 'you are banned' } }])
  await t.rejects(rabble.events({ after: 'p' }).next(), { code: 'forbidden', message: 'you are banned' })
})

t.test('a signal ends it without an error, while it waits and while there are events', async (t) => {
  const stop = new AbortController()
  const { rabble, asked } = createFake([page(['a', 'b'])])
  const ids: string[] = []
  for await (const { event } of rabble.events({ after: 'p', signal: stop.signal })) {
    ids.push(event.id)
    stop.abort()
  }
  t.same(ids, ['a'])
  const waiting = new AbortController()
  const next = rabble.events({ after: 'p', signal: waiting.signal }).next()
  waiting.abort()
  t.same(await next, { done: true, value: undefined })
  t.equal(asked.length, 2)
  const failing = createFake([new TypeError('lost')])
  const later = new AbortController()
  const pause = failing.rabble
    .events({ after: 'p', signal: later.signal, onRetry: () => later.abort() })
    .next()
  t.same(await pause, { done: true, value: undefined })
})
