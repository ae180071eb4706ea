import t from 'tap'
import { isThere, type Known, keyOf, type Place, placesFor, type Sources } from '../../src/go-to/places.ts'

const known = (room: string, unread = false): Known => ({ room, title: room, peer: undefined, unread })
const direct = (peer: string, title: string): Known => ({
  room: `dm:me:${peer}`,
  title,
  peer,
  unread: false,
})
const found = (name: string, topic = '') => ({ name, topic, access: 'open' as const, count: 1 })

const sources: Sources = {
  words: '',
  conversations: [known('here'), known('plans'), direct('bob', 'Bob'), known('team', true)],
  current: 'here',
  rooms: [found('zoo'), found('plans'), found('general', 'Whatever')],
  isSearching: false,
  people: [],
}

/** Returns the places for words, as texts. */
function placesWith(words: string, more: Partial<Sources> = {}): string[] {
  return placesFor({ ...sources, words, ...more }).map(textOf)
}

function textOf(place: Place): string {
  if (place.type === 'conversation') return `conversation ${place.known.title}`
  if (place.type === 'create') return `create ${place.name}`
  return place.type === 'search' ? `search ${place.words}` : keyOf(place)
}

t.test('without words, unread conversations are first, then those with the newest messages', async (t) => {
  t.same(placesWith(''), [
    'conversation team',
    'conversation plans',
    'conversation Bob',
    'room zoo',
    'room general',
    'search ',
  ])
})

t.test('words find conversations before rooms and people, and those that begin with them', async (t) => {
  const people = [
    { id: 'bob', name: 'Bob' },
    { id: 'lea', name: 'Lea' },
  ]
  const conversations = [known('instead'), known('my tea', true), known('tea'), direct('bob', 'Bob')]
  t.same(placesWith('tea', { conversations, people: [], rooms: [found('team'), found('Tea')] }), [
    'conversation tea',
    'conversation my tea',
    'conversation instead',
    'room Tea',
    'room team',
    'search tea',
  ])
  t.same(
    placesWith('b', { conversations, people, rooms: [] }),
    ['conversation Bob', 'create b', 'search b'],
    'Bob once, as a conversation',
  )
  t.same(placesWith('le', { conversations, people, rooms: [] }), ['person lea', 'create le', 'search le'])
  t.same(placesWith('here', { rooms: [] })[0], 'conversation here', 'also the room that is shown')
})

t.test('a room is offered to create only if there is none of this name', async (t) => {
  t.same(placesWith('Plans', { rooms: [] }), ['conversation plans', 'search Plans'])
  t.same(placesWith('ZOO'), ['room zoo', 'room general', 'search ZOO'])
  t.same(placesWith('e\u0301cole', { rooms: [] }), ['create \u00e9cole', 'search e\u0301cole'])
  t.same(
    placesWith('ecole', { conversations: [known('\u00c9cole')], rooms: [] }),
    ['conversation \u00c9cole', 'search ecole'],
    'nor one that looks like it',
  )
  const many = Array.from({ length: 20 }, (_, n) => known(`room ${n}`))
  t.notOk(
    placesWith('room 17', { conversations: many, rooms: [] }).includes('create room 17'),
    'also if it is not shown',
  )
})

t.test('while the server looks for rooms, the ones of the search before stay if they fit', async (t) => {
  t.same(placesWith('what', { isSearching: true }), ['room general', 'search what'])
  t.same(placesWith('gen ever', { isSearching: true }), ['room general', 'search gen ever'])
  t.same(placesWith('new', { isSearching: true }), ['search new'], 'and none is offered to create')
})

t.test('a room to create and the search are no places that were found', async (t) => {
  const there = placesFor({ ...sources, words: 'new' }).map(isThere)
  t.same(there, [true, true, false, false])
})
