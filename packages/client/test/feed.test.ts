import t from 'tap'
import { Feed } from '../src/feed.ts'
import type { RoomEvent } from '../src/index.ts'
import { message } from './fake-gateway.ts'

const event = (id: string): RoomEvent => ({
  type: 'message',
  message: message('general', id),
  replayed: false,
})

t.test('a reader that lags for too long is told what it lost', async (t) => {
  const feed = new Feed(() => {})
  feed.push(event('m0'))
  t.match((await feed.next()).value, { type: 'message', message: { id: 'm0' } })
  for (let index = 1; index <= 20_000; index++) feed.push(event(`m${index}`))
  feed.push({ type: 'typing', user: { id: 'guest-bob', name: 'Bob' } })
  t.match((await feed.next()).value, { type: 'gap', after: 'm0', before: 'm1001', why: 'slow-reader' })
  t.match((await feed.next()).value, { type: 'message', message: { id: 'm1001' } })
  await feed.return()
  t.ok((await feed.next()).done)
})
