import type { ChatEvent } from '@rabble/contract'
import { until } from '@rabble/harness'
import { exportOf } from '../../src/messages/export.ts'
import { allOf, build, ingestOf, timeout, waitFor, waitForOffset } from '../build.ts'
import { deletion, edit, firstOf, foldedOf, reaction, wholeOf } from '../change.ts'
import { onBoth } from '../databases.ts'
import { createMemoryLog } from '../memory-log.ts'
import { message } from '../message.ts'
import { write } from '../write.ts'

const bob = { id: 'bob', name: 'Bob' }
const crowd = Array.from({ length: 70 }, (_, n) => ({ id: `user-${n}`, name: `User ${n}` }))
const hostile = '\0 \ud800 \ufdd0 \ufdd00000 " \\ \u202e'

/** Logs with the resulting messages, in short form, and with texts that must not be stored anywhere. */
const cases: Record<string, { log: ChatEvent[]; gone?: string[] }> = {
  'an edit': { log: [message('a', { text: 'old' }), edit('e', 'a')], gone: ['old'] },
  'the last of several edits': {
    log: [message('a'), edit('e1', 'a'), edit('e2', 'a'), edit('e3', 'a')],
    gone: ['text of a', 'text of e1', 'text of e2'],
  },
  'an edit that brings back an older text': {
    log: [message('a', { text: 'one' }), edit('e1', 'a', { text: 'two' }), edit('e2', 'a', { text: 'one' })],
    gone: ['two'],
  },
  'a deletion': {
    log: [message('a', { replyTo: 'z', meta: { secret: 'kept' } }), deletion('d', 'a')],
    gone: ['text of a', 'secret'],
  },
  'a deletion by the author under another name takes the former one': {
    log: [message('a'), deletion('d', 'a', { from: { id: 'ada', name: 'Nobody' } })],
    gone: ['text of a', 'Ada'],
  },
  'a deletion takes what a later version had added': {
    log: [
      { ...message('a', { at: '2026-11-22T12:00:00.000+02:00' }), html: '<b>secret</b>' } as ChatEvent,
      deletion('d', 'a'),
    ],
    gone: ['text of a', 'secret'],
  },
  'an edit keeps what a later version had added': {
    log: [{ ...message('a', { meta: { a: 1 } }), pinned: true } as ChatEvent, edit('e', 'a')],
    gone: ['text of a'],
  },
  'an edit after the deletion changes nothing': {
    log: [message('a'), edit('e1', 'a'), deletion('d', 'a'), edit('e2', 'a')],
    gone: ['text of a', 'text of e1', 'text of e2'],
  },
  'the first deletion counts': {
    log: [message('a'), deletion('d1', 'a'), deletion('d2', 'a', { from: bob, moderator: true })],
  },
  'who may not changes nothing': {
    log: [message('a'), edit('e', 'a', { from: bob }), deletion('d', 'a', { from: bob })],
    gone: ['text of e'],
  },
  'a moderator may': {
    log: [
      message('a'),
      message('b'),
      edit('e', 'a', { from: bob, moderator: true }),
      deletion('d', 'b', { from: bob, moderator: true }),
    ],
    gone: ['text of a', 'text of b'],
  },
  'the author after a moderator': {
    log: [message('a'), edit('e1', 'a', { from: bob, moderator: true }), edit('e2', 'a')],
    gone: ['text of a', 'text of e1'],
  },
  'a change in another room changes nothing': {
    log: [message('a'), edit('e', 'a', { room: 'other' }), deletion('d', 'a', { room: 'other' })],
    gone: ['text of e'],
  },
  'a change of what is unknown changes nothing': {
    log: [edit('e', 'none'), deletion('d', 'none'), message('a')],
    gone: ['text of e'],
  },
  'a change before its message changes nothing': {
    log: [edit('e', 'a'), deletion('d', 'a'), message('a')],
    gone: ['text of e'],
  },
  'a change that the log holds again counts once, in its first place': {
    log: [
      message('a'),
      edit('e1', 'a'),
      edit('e2', 'a'),
      edit('e1', 'a', { text: 'again' }),
      edit('e1', 'a'),
    ],
    gone: ['text of a', 'text of e1', 'again'],
  },
  'a message that the log holds again brings no text back': {
    log: [message('a'), message('b'), deletion('d', 'a'), edit('e', 'b'), message('a'), message('b')],
    gone: ['text of a', 'text of b'],
  },
  'what PostgreSQL can’t hold': {
    log: [
      message(`a${hostile}`),
      message('b'),
      edit(`e${hostile}`, `a${hostile}`, { text: hostile }),
      deletion('d', 'b', { from: { id: `x${hostile}`, name: hostile }, moderator: true }),
    ],
  },
  'reactions of more users than the list has, some taken back': {
    log: [
      message('a', { text: 'old' }),
      ...crowd.map((from, n) => reaction(`r${n}`, 'a', { from })),
      edit('e', 'a'),
      ...crowd.slice(40, 60).map((from, n) => reaction(`s${n}`, 'a', { from, revision: 2 })),
      reaction('p', 'a', { emoji: '🎉' }),
      ...crowd.slice(50, 55).map((from, n) => reaction(`t${n}`, 'a', { from, revision: 3 })),
    ],
    gone: ['old'],
  },
  'a deletion takes the reactions': {
    log: [message('a'), reaction('r', 'a'), deletion('d', 'a'), reaction('s', 'a', { from: bob })],
    gone: ['👍'],
  },
  'a reaction to what is unknown changes nothing': {
    log: [reaction('r', 'none'), reaction('s', 'a'), message('a'), reaction('t', 'a', { room: 'other' })],
    gone: ['👍'],
  },
  'the last reaction taken back': {
    log: [message('a'), reaction('r', 'a'), reaction('s', 'a', { revision: 2 }), reaction('r', 'a')],
  },
  'more about who changed it': {
    log: [message('a'), edit('e', 'a', { from: { id: 'ada', name: 'Ada', avatar: 'a.png' } as never })],
  },
}

await onBoth(async (t, databases) => {
  const database = await databases.migrated(t)
  for (const [name, { log, gone = [] }] of Object.entries(cases)) {
    await t.test(`${name}, in one step, in steps of one, and carefully`, async (t) => {
      const ways: Record<string, [ChatEvent[][], { careful: boolean }]> = {
        'in one step': [[log], { careful: false }],
        'in steps of one': [log.map((event) => [event]), { careful: false }],
        carefully: [[log], { careful: true }],
      }
      const expected = {
        refused: 0,
        read: foldedOf(log),
        exported: foldedOf(log),
        // Texts that must not be stored anywhere.
        left: [],
        places: firstOf(log).length,
      }
      for (const [way, [steps, options]] of Object.entries(ways)) {
        await database.query(
          'truncate history.messages, history.changes, history.reactions, history.positions',
          [],
        )
        let refused = 0
        for (const step of steps) refused += (await write(database, 0, step, options))?.refused ?? 0
        const chunks = []
        for await (const chunk of exportOf(database, 'general', (work) => work())) chunks.push(chunk)
        const lines = chunks.join('').trimEnd().split('\n')
        const whole = await wholeOf(database)
        const [row] = await database.query<{ count: number }>(
          `select count(*) from (select id from history.messages union all select id from history.changes) as all_ids`,
        )
        const found = {
          refused,
          read: await allOf(database),
          exported: lines.map((line) => JSON.parse(line)),
          left: gone.filter((text) => whole.includes(text)),
          places: row?.count,
        }
        t.strictSame(found, expected, way)
      }
    })
  }

  await t.test('what became of the events is counted', async (t) => {
    const database = await databases.migrated(t)
    const log = createMemoryLog()
    const app = build(t, { log, database })
    await app.ready()
    log.append(message('a'), message('b'), edit('e1', 'a'), edit('e2', 'a'), edit('e1', 'a'), message('a'))
    log.append(reaction('r', 'a'), reaction('s', 'a'))
    log.append(
      deletion('d', 'b'),
      edit('late', 'b'),
      edit('foreign', 'a', { from: bob }),
      { type: 'of a later version', room: 'general', id: 'e3' },
      edit('e2', 'a'),
    )
    await waitForOffset(database, 4)
    const lines = [
      'messages_total 2',
      'changes_total{type="edit"} 2',
      'changes_total{type="delete"} 1',
      'changes_total{type="reaction"} 1',
      'ignored_changes_total 3',
      'duplicates_total 3',
      'skipped_events_total 1',
      'refused_messages_total 0',
    ].map((line) => `rabble_history_${line}`)
    await until(
      async () => {
        const { body } = await app.inject('/metrics')
        return lines.every((line) => body.split('\n').includes(line))
      },
      timeout,
      'the counts',
    )
    t.pass('as expected')
  })

  await t.test('a change that can’t be stored is set aside, and the others are not', async (t) => {
    const database = await databases.migrated(t)
    const log = createMemoryLog()
    const { metrics } = ingestOf(t, log, database)
    log.append(message('a'), message('b'))
    await waitFor(database, 2)
    // Too deep for JSON.stringify, but not for JSON.parse.
    const from: Record<string, unknown> = { id: 'ada', name: 'Ada' }
    let inner = from
    for (let n = 0; n < 200_000; n++) inner = inner.a = {} as Record<string, unknown>
    log.appendEntry({ event: edit('e', 'a', { from: from as never }), line: Buffer.from('a line') })
    log.append(deletion('d', 'b'))
    await waitForOffset(database, 4)
    t.match(await allOf(database), [{ text: 'text of a' }, { text: '', deleted: { by: { id: 'ada' } } }])
    t.same(await database.query('select line from history.refused', []), [{ line: Buffer.from('a line') }])
    await until(async () => (await metrics.refused.get()).values[0]?.value === 1, timeout, 'the count')
  })

  await t.test('a step of many changes takes as many statements as one of a few', async (t) => {
    const database = await databases.migrated(t)
    let statements = 0
    const counting = {
      ...database,
      transaction: ((work, options) =>
        database.transaction(
          (query) =>
            work((...args) => {
              statements++
              return query(...args)
            }),
          options,
        )) as typeof database.transaction,
    }
    const ids = Array.from({ length: 500 }, (_, n) => `m${n}`)
    await write(counting, 0, [...ids.map((id) => message(id)), ...ids.map((id) => edit(`e-${id}`, id))])
    t.equal(statements, 10)
    const deletions = ids.map((id) => deletion(`d-${id}`, id))
    t.match(await write(counting, 0, deletions), { changes: { added: 500, edit: 0, delete: 500 } })
    t.equal(statements, 16)
  })
})
