import t from 'tap'
import { hashOf, type Route, routeOf } from '../../src/state/address.ts'

t.test('an address leads to what it was made of', async (t) => {
  const routes: Route[] = [
    { view: 'room', room: 'general' },
    { view: 'room', room: 'tea room' },
    { view: 'room', room: 'Zoë 100%' },
    { view: 'direct', user: 'guest-k7FnROIuEEwiIBtg' },
    { view: 'rooms' },
    { view: 'live' },
    { view: 'search', query: '', room: undefined },
    { view: 'search', query: 'a & b # c', room: 'tea room' },
  ]
  for (const route of routes) t.same(routeOf(hashOf(route)), route)
})

t.test('any other address leads to a room', async (t) => {
  for (const hash of ['', '#', '#%', '#%ff']) t.same(routeOf(hash), { view: 'room', room: 'general' }, hash)
  t.same(
    routeOf('#no/such:room'),
    { view: 'room', room: 'no/such:room' },
    'the server says what is wrong with it',
  )
})
