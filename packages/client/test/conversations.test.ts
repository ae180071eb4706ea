import type { ServerFrame } from '@rabble/contract'
import t from 'tap'
import { createConversations } from '../src/conversations.ts'
import { joined, message } from './fake-gateway.ts'
import { openRoom } from './fake-history.ts'

t.test('of the positions that wait for a request, the furthest is sent', async (t) => {
  const { chat, room, gateway } = await openRoom(t, (frame): ServerFrame | undefined => {
    const ref = frame.ref ?? 0
    if (frame.type === 'watch') return { type: 'watching', ref, conversations: [] }
    if (frame.type === 'read') return { type: 'sent', ref, id: 'r' }
    if (frame.type !== 'join') return undefined
    return joined(frame, { events: ['m1', 'm2', 'm3'].map((id) => message('general', id)) })
  })
  const list = createConversations(chat)
  t.teardown(() => list.close())
  await room.join()
  const marked = ['m1', 'm2', 'm3', 'm2', 'long-ago'].map((id) => list.markRead('general', id))
  await Promise.all(marked)
  t.same(
    gateway.frames('read').map(({ upTo }) => upTo),
    ['m1', 'm3'],
  )
})
