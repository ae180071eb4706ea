import t from 'tap'
import { checkLists, guest, moderator, user } from '../room-plans.ts'

const middle = 'room-8'

t.test('lists and searches of 20,000 rooms read what they show and little else', (t) =>
  // The table alone has about 320 pages, so this test finds less than the long one.
  checkLists(t, 20_000, [
    [{}, guest, 50, 300],
    [{ after: middle }, user, 50, 300],
    [{ after: middle }, moderator, 50, 300],
    [{ sort: 'users' }, guest, 50, 350],
    [{ q: 'topic 7777' }, guest, 4, 300],
    [{ q: '31415' }, moderator, 0, 50],
    [{ q: 'ROOM topic' }, user, 50, 300],
    [{ q: 'quartz' }, moderator, 0, 50],
  ]),
)
