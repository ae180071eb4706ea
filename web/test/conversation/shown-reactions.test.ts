import t from 'tap'
import { shownReactions } from '../../src/conversation/shown-reactions.ts'

/** Returns the reactions in short: own ones have a `*`, those on their way a `…`. */
function read(
  reactions: [emoji: string, ...users: string[]][],
  own: [emoji: string, remove: boolean][],
): string {
  const message = {
    reactions: reactions.map(([emoji, ...users]) => ({ emoji, count: users.length, users })),
  }
  return shownReactions(message, new Map(own), 'me')
    .map(
      ({ emoji, count, isMine, isUnderway }) =>
        `${emoji}${count}${isMine ? '*' : ''}${isUnderway ? '…' : ''}`,
    )
    .join(' ')
}

t.test('reactions on their way are shown as if they had arrived, and are counted once', async (t) => {
  t.equal(read([['👍', 'ann', 'me']], []), '👍2*')
  t.equal(read([['👍', 'ann']], [['👍', false]]), '👍2*…')
  t.equal(read([['👍', 'ann', 'me']], [['👍', false]]), '👍2*…', 'the event has come already')
  t.equal(read([['👍', 'ann', 'me']], [['👍', true]]), '👍1…')
  t.equal(read([['👍', 'me']], [['👍', true]]), '', 'nobody uses it any more')
  t.equal(read([['👍', 'ann']], [['🎉', false]]), '👍1 🎉1*…')
  t.equal(read([], [['🎉', true]]), '')
})
