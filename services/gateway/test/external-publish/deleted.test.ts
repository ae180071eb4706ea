import { createManualClock } from '@rabble/clock/manual'
import { deleteId } from '@rabble/contract/ids'
import { connectChat } from '@rabble/harness'
import { createTokens } from '@rabble/service'
import t from 'tap'
import { build, secret } from '../build.ts'
import { createFakeHistory } from '../fake-history.ts'
import { createFakeRooms } from '../fake-rooms.ts'
import { createMemoryLog } from '../memory-log.ts'
import { pass } from '../time.ts'
import { asProgram, deploys } from './program.ts'

t.test('a program deletes its own messages, and those of others only as a moderator', async (t) => {
  const log = createMemoryLog()
  const rooms = createFakeRooms(log, createTokens(secret))
  const clock = createManualClock()
  const gateway = await build(t, { log, rooms, clock })
  const post = await asProgram(gateway)
  const ada = await connectChat(t, gateway.ws, { name: 'Ada' })
  await ada.join('general')
  const { body } = await post('rooms/general/messages', { text: 'wrong' })
  const own = body.id ?? ''
  const { id: hers } = await ada.send('general', 'hers')

  const remove = async (room: string, id: string, ...roles: string[]) => {
    const token = await gateway.tokens.sign(deploys, 600, roles)
    const path = `${gateway.http}/api/rooms/${room}/messages/${id}`
    const headers = { authorization: `Bearer ${token}` }
    const answer = await fetch(path, { method: 'DELETE', headers })
    return { status: answer.status, body: await answer.json() }
  }
  const deletion = deleteId('general', own)
  t.same(await remove('general', own, 'service'), { status: 200, body: { id: deletion } })
  t.match(await ada.sees(deletion), { type: 'delete', message: own, from: deploys })
  const length = log.length
  t.same((await remove('general', own, 'service')).body, { id: deletion }, 'again, with the same answer')
  t.equal(log.length, length, 'and nothing more in the log')

  t.match(await remove('general', hers, 'service'), { status: 403, body: { code: 'forbidden' } })
  t.match(await remove('general', hers, 'moderator'), { status: 403, body: { code: 'forbidden' } })
  t.equal((await remove('general', hers, 'service', 'moderator')).status, 200)
  t.match(await ada.sees(deleteId('general', hers)), { type: 'delete', message: hers, moderator: true })
  for (const room of ['*', 'user:deploys', 'dm:ada:bob']) {
    t.match(await remove(room, 'x', 'service', 'moderator'), { status: 403, body: { code: 'forbidden' } })
  }
  const deleted = () => rooms.audited.filter(({ action }) => action === 'service.delete')
  await pass(clock, 1_000, () => deleted().length === 3, 'moderators to be able to read it')
  t.match(deleted()[0], { actor: deploys, room: 'general', detail: { id: deletion } })
})

t.test('what was deleted long ago, which only history knows, is not deleted again', async (t) => {
  const history = createFakeHistory()
  const gateway = await build(t, { history })
  const by = { by: deploys, at: '2026-11-22T10:00:00.000Z' }
  const event = { type: 'message', room: 'general', id: 'old', from: deploys, via: 'gone', text: '' } as const
  history.messages.set('old', { ...event, at: by.at, deleted: by })
  const { length } = gateway.log
  const headers = { authorization: `Bearer ${await gateway.tokens.sign(deploys, 600, ['service'])}` }
  const path = `${gateway.http}/api/rooms/general/messages/old`
  const answer = await fetch(path, { method: 'DELETE', headers })
  t.same(await answer.json(), { id: deleteId('general', 'old') })
  t.equal(gateway.log.length, length)
})
