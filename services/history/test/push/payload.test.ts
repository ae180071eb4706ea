import t from 'tap'
import type { DuePush } from '../../src/push/due.ts'
import { payloadOf, topicOf } from '../../src/push/payload.ts'

const due: DuePush = {
  ...{ endpoint: '', p256dh: '', auth: '' },
  user: 'bob',
  room: 'general',
  id: 'm1',
  from: { id: 'ada', name: 'Ada' },
  text: 'Hello',
}

t.test('a browser is told the room of a mention, or the author of a direct message', async (t) => {
  t.same(JSON.parse(payloadOf(due)), {
    ...{ kind: 'mention', room: 'general', from: 'Ada', id: 'm1', text: 'Hello' },
  })
  t.same(JSON.parse(payloadOf({ ...due, room: 'dm:ada:bob' })), {
    ...{ kind: 'direct', room: 'dm:ada:bob', peer: 'ada', from: 'Ada', id: 'm1', text: 'Hello' },
  })
})

t.test(
  'a long text is cut between characters, and what is sent stays below the limit of push services',
  async (t) => {
    const textOf = (text: string) => JSON.parse(payloadOf({ ...due, text })).text
    t.equal(textOf('x'.repeat(200)), 'x'.repeat(200))
    t.equal(textOf('x'.repeat(201)), `${'x'.repeat(200)}…`)
    const family = '👩‍👩‍👧‍👦'
    t.match(textOf(family.repeat(201)), new RegExp(`^(${family})+…$`), 'no character is split')
    t.equal(textOf(`e${'\u0301'.repeat(4000)}`), '…', 'a character that is too long is left out')
    const texts = ['\u0001'.repeat(4000), '𐐀'.repeat(4000), '"'.repeat(4000), '\ud800'.repeat(4000)]
    for (const text of [...texts, ...texts.map((one) => family + one)]) {
      const payload = payloadOf({ ...due, room: '𐐀'.repeat(64), from: { id: 'a', name: text }, text })
      t.ok(Buffer.byteLength(payload) < 3_500, `${Buffer.byteLength(payload)} bytes`)
    }
  },
)

t.test('push services see a hash in place of the name of a conversation', async (t) => {
  t.match(topicOf('general'), /^[\w-]{32}$/)
  t.not(topicOf('general'), topicOf('General'))
})
