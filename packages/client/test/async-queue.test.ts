import t from 'tap'
import { createQueue } from '../src/async-queue.ts'
import type { RoomEvent } from '../src/index.ts'
import { message } from './fake-gateway.ts'

const event = (id: string): RoomEvent => ({
  type: 'message',
  message: message('general', id),
  replayed: false,
})

t.test('a reader that lags for too long is told what it lost', async (t) => {
  const queue = createQueue<RoomEvent>(() => {})
  queue.push(event('m0'))
  t.match((await queue.next()).value, { type: 'message', message: { id: 'm0' } })
  for (let index = 1; index <= 20_000; index++) queue.push(event(`m${index}`))
  queue.push({ type: 'typing', users: [{ id: 'guest-bob', name: 'Bob' }] })
  t.match((await queue.next()).value, { type: 'gap', after: 'm0', before: 'm1001', reason: 'slow-reader' })
  t.match((await queue.next()).value, { type: 'message', message: { id: 'm1001' } })
  await queue.return?.()
  t.ok((await queue.next()).done)
})
