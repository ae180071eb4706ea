import t from 'tap'
import { checkLists, guest, moderator, user } from '../room-plans.ts'

const middle = 'room-8'

t.test('lists and searches of 100,000 rooms read what they show and little else', (t) =>
  // The table alone has about 1,600 pages.
  checkLists(t, 100_000, [
    [{}, guest, 50, 400],
    [{ after: middle }, guest, 50, 400],
    [{ after: middle }, user, 50, 400],
    [{ after: middle }, moderator, 50, 400],
    [{ sort: 'users' }, guest, 50, 600],
    [{ sort: 'users', after: `12:${middle}` }, user, 50, 600],
    [{ sort: 'users', after: `0:${middle}` }, guest, 50, 600],
    // A few rooms match, then two, then all, then none.
    [{ q: 'topic 7777' }, guest, 21, 1200],
    [{ q: '31415' }, moderator, 2, 100],
    [{ q: 'ROOM topic' }, user, 50, 500],
    [{ q: 'ROOM topic', sort: 'users' }, guest, 50, 600],
    [{ q: 'quartz' }, moderator, 0, 100],
  ]),
)
