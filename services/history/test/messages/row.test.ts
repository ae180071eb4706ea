import t from 'tap'
import { toLine, toRow } from '../../src/messages/row.ts'
import { restored, storable } from '../../src/text/storable.ts'
import { message } from '../message.ts'

t.test('a text is stored as it is, but for what PostgreSQL can’t hold', (t) => {
  t.equal(storable('plain 😀 \u202e Ω'), 'plain 😀 \u202e Ω')
  t.equal(storable('a\0b'), 'a\ufdd00000b')
  t.equal(storable('\ud800'), '\ufdd0d800')
  for (const text of [
    '',
    '\0',
    '\0\0',
    '\ud83d',
    '\ude00\ud83d',
    '\ufdd0',
    '\ufdd00000',
    '\ufdd0\0\ufdd0fdd0',
  ]) {
    const stored = storable(text)
    t.equal(restored(stored), text, JSON.stringify(text))
    t.notMatch(stored, /\p{Cs}/u)
    t.notOk(stored.includes('\0'))
  }
  t.end()
})

t.test('a message comes back as the very JSON that it was', (t) => {
  const messages = [
    message('plain'),
    message('whole', { replyTo: 'other', meta: { a: [1, { b: null }], nul: '\0\ud800' } }),
    message('bare', { text: '' }),
    { ...message('later'), pinned: true, thread: { id: 1 } },
    message('sender', { from: { id: 'ada', name: 'Ada', avatar: 'x.png' } as { id: string; name: string } }),
    message('empty', { meta: {} }),
    ...[
      '2026-11-22T10:00:00Z',
      '2026-11-22T12:00:00.000+02:00',
      '2026-11-22T10:00:00.123456Z',
      'yesterday, about noon',
      '0000-01-01T00:00:00.000Z',
      '+012026-01-01T00:00:00.000Z',
      '9999-12-31T23:59:59.999Z',
      '0001-01-01T00:00:00.000Z',
    ].map((at) => message('time', { at })),
  ]
  for (const event of messages) {
    const row = toRow(event)
    const stored = { ...row, at: row.at === null ? null : new Date(row.at) }
    t.equal(toLine(stored), JSON.stringify(event))
  }
  t.equal(toRow(message('a', { at: '9999-12-31T23:59:59.999Z' })).extra, undefined)
  t.equal(toRow(message('a', { at: '0000-01-01T00:00:00.000Z' })).at, null)
  const { cid: _, ...bare } = message('no cid')
  const row = toRow(bare)
  t.equal(toLine({ ...row, at: new Date(bare.at) }), JSON.stringify(bare))
  t.end()
})

t.test('a message comes back however deep it is', (t) => {
  // JSON.stringify gives up at some thousand levels, and earlier if more of the stack is in use.
  const deep = `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`
  const { at: _, ...row } = toRow(message('deep'))
  const extra = JSON.stringify({ event: `{"more":${deep}}`, from: `{"more":${deep}}` })
  const line = toLine({ ...row, at: null, meta: deep, extra })
  t.ok(line.endsWith(`,"meta":${deep},"more":${deep}}`))
  t.ok(line.includes(`"name":"Ada","more":${deep}}`))
  t.doesNotThrow(() => JSON.parse(line))
  t.end()
})
