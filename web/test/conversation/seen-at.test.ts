import t from 'tap'
import { seenAt } from '../../src/conversation/seen-at.ts'

const by = (id: string, author: string, gone = false) => ({
  id,
  from: { id: author, name: author.toUpperCase() },
  ...(gone && { deleted: { by: { id: author, name: author }, at: '2026-01-01T00:00:00Z' } }),
})
const room = [by('1', 'me'), by('2', 'bob'), by('3', 'me'), by('4', 'cleo'), by('5', 'me')]
const shown = (messages: Parameters<typeof seenAt>[0], positions: Record<string, string>) =>
  Object.fromEntries(seenAt(messages, new Map(Object.entries(positions)), 'me'))

t.test('each reader is shown once: at the newest own message that was read', async (t) => {
  t.same(shown(room, { bob: '5', cleo: '5', dan: '3' }), { 5: ['bob', 'cleo'], 3: ['dan'] })
  t.same(shown(room, { dan: '4' }), { 3: ['dan'] }, 'a message of another one was read')
  t.same(shown(room, { dan: '2' }), { 1: ['dan'] })
  t.same(shown(room, {}), {})
})

t.test('authors have read what is before their messages, whatever their positions say', async (t) => {
  t.same(shown(room, { bob: '', cleo: '1' }), { 3: ['cleo'], 1: ['bob'] })
  t.same(shown(room.slice(0, 4), { cleo: '2' }), { 3: ['cleo'] })
  t.same(shown([by('1', 'me'), by('2', 'eve')], {}), {}, 'an author who does not show it')
})

t.test('deleted messages show nobody, and positions that are not loaded are unknown', async (t) => {
  t.same(shown([by('1', 'me'), by('2', 'me', true)], { bob: '2' }), { 1: ['bob'] })
  t.same(shown(room, { bob: '0', cleo: 'gone' }), { 3: ['cleo'], 1: ['bob'] })
  t.same(shown([by('1', 'me')], { dan: '0' }), {})
})

t.test('only the newest messages are looked through', async (t) => {
  const many = Array.from({ length: 400 }, (_, n) => by(`${n}`, n % 2 === 0 ? 'me' : 'bob'))
  t.same(shown(many, { cleo: '201' }), { 200: ['cleo'] })
  t.same(shown(many, { cleo: '199' }), {})
})
