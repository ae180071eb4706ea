import { randomUUID } from 'node:crypto'
import { Deferred } from '@rabble/clock/deferred'
import type { Database } from '@rabble/database'
import { until } from '@rabble/harness'
import { toRow } from '../../src/messages/row.ts'
import { allOf, idsOf, ingestOf, timeout, waitFor, waitForOffset } from '../build.ts'
import { onBoth } from '../databases.ts'
import { withFaults } from '../faults.ts'
import { createMemoryLog } from '../memory-log.ts'
import { message } from '../message.ts'

await onBoth(async (t, databases) => {
  await t.test('hostile messages stop nothing and come back as they were', async (t) => {
    const database = await databases.migrated(t)
    const log = createMemoryLog()
    ingestOf(t, log, database)
    const deep: Record<string, unknown> = JSON.parse(`{"a":${'['.repeat(62)}${']'.repeat(62)}}`)
    const events = [
      message('nul', { text: 'a\0b', cid: '\0', replyTo: '\0', via: '\0', from: { id: '\0', name: '\0' } }),
      message('surrogates', { text: '\ud83d and \ude00 and \ude00\ud83d', meta: { '\ud800': '\udfff\0' } }),
      message('emoji', { text: '👩‍👩‍👧‍👦 🏳️‍🌈' }),
      message('rtl', { text: '\u202eshalom שלום \u2066مرحبا\u2069' }),
      message('mark', { text: '\ufdd00000 \ufffe \uffff \ufeff' }),
      message('quotes', { text: `'; drop table history.messages; -- {"\\u0000": [\\N]} $1 \\ \t\r\n\u2028` }),
      message('long', { text: '😀'.repeat(4000) }),
      message('deep', { meta: deep }),
      message('proto', { meta: JSON.parse('{"__proto__": {"a": 1}, "constructor": null}') }),
      message('number', { meta: { n: 1e308, m: -0.1, s: 2 ** 80 } }),
      message('time', { at: '2026-11-22T12:00:00.000+02:00' }),
      message('id \0 \ufdd0'),
      message('last'),
    ]
    for (const event of events) log.append(event)
    await waitFor(database, events.length)
    const stored = await allOf(database)
    const jsonOf = (list: object[]) => list.map((event) => JSON.stringify(event))
    t.strictSame(jsonOf(stored), jsonOf(events))
    t.same(await database.query('select count(*) from history.refused', []), [{ count: 0 }])
  })

  await t.test('a message that is refused all the same is set aside, and the others are not', async (t) => {
    const database = await databases.migrated(t)
    const log = createMemoryLog()
    const refusing = withFaults(database, {
      statement(_, params) {
        if (!JSON.stringify(params ?? []).includes('poison')) return
        if (_.includes('history.refused')) return
        throw Object.assign(new Error('invalid byte sequence'), { code: '22021' })
      },
    })
    const { metrics, problem } = ingestOf(t, log, refusing)
    log.append(message('a'), message('b', { text: 'poison' }), message('c'))
    log.append(message('d'))
    t.same(await idsOf(database, 3), ['a', 'c', 'd'])
    await waitForOffset(database, 2)
    const [refused] = await database.query<{ line: Buffer; reason: string; sequence: number }>(
      'select line, reason, sequence from history.refused',
    )
    t.same(JSON.parse(String(refused?.line)), message('b', { text: 'poison' }))
    t.match(refused?.reason, /invalid byte sequence/)
    t.equal(refused?.sequence, 2, 'its place is kept')
    await until(async () => (await metrics.refused.get()).values[0]?.value === 1, timeout, 'the count')
    t.equal(problem(), undefined)
  })

  await t.test('a message whose meta is too deep for JSON.stringify is set aside', async (t) => {
    const database = await databases.migrated(t)
    const log = createMemoryLog()
    ingestOf(t, log, database)
    const depth = 200_000
    const meta: Record<string, unknown> = {}
    let inner = meta
    for (let n = 0; n < depth; n++) inner = inner.a = {} as Record<string, unknown>
    t.throws(() => toRow(message('deep', { meta })), RangeError)
    log.append(message('a'))
    await waitFor(database, 1)
    log.appendEntry({ event: message('deep', { meta }), line: Buffer.from('a line') })
    log.append(message('b'))
    t.same(await idsOf(database, 2), ['a', 'b'])
    t.same(await database.query('select line from history.refused', []), [{ line: Buffer.from('a line') }])
  })

  await t.test('failures of the database lose and repeat nothing', async (t) => {
    const database = await databases.migrated(t)
    const log = createMemoryLog()
    let statements = 0
    let commits = 0
    const failing = withFaults(database, {
      // More than those of a step, so that some steps succeed.
      statement() {
        if (++statements % 13 === 0) throw Object.assign(new Error('gone'), { code: '08006' })
      },
      // The commit succeeded, but its answer was lost.
      committed() {
        if (++commits % 2 === 0) throw Object.assign(new Error('gone'), { code: '08006' })
      },
    })
    const { metrics, problem } = ingestOf(t, log, failing)
    const ids = Array.from({ length: 40 }, (_, n) => `m${n}`)
    for (const id of ids) {
      log.append(message(id))
      if (id.endsWith('0')) await waitForOffset(database, Number(id.slice(1)) * 2)
    }
    t.same(await idsOf(database, 40), ids)
    const { values } = await metrics.databaseErrors.get()
    t.ok(
      values.some(({ labels, value }) => labels.operation === 'ingest' && value > 5),
      'failures were counted',
    )
    await until(() => problem() === undefined, timeout, 'the problem to be over')
    const [{ last } = { last: 0 }] = await database.query<{ last: number }>(
      'select max(sequence) as last from history.messages',
    )
    t.equal(last, 40, 'no step was written twice')
  })

  await t.test('a reader of the log that fails is started again', async (t) => {
    const database = await databases.migrated(t)
    const log = createMemoryLog()
    let mayLead = Promise.resolve()
    // The problem ends with the next lease, which waits until the problem was seen.
    const waiting: Database = {
      ...database,
      async lease(name) {
        await mayLead
        return database.lease(name)
      },
    }
    const { problem } = ingestOf(t, log, waiting)
    log.append(message('a'))
    await waitFor(database, 1)
    const permission = new Deferred<void>()
    mayLead = permission.promise
    t.teardown(() => permission.resolve())
    log.fail(new Error('the log is broken'))
    await until(() => problem()?.includes('the log is broken') === true, timeout, 'the problem')
    permission.resolve()
    log.append(message('b'))
    t.same(await idsOf(database, 2), ['a', 'b'])
    t.equal(problem(), undefined)
  })

  await t.test(
    'closing waits for the step that is under way, and gives up one that can’t be written',
    async (t) => {
      const database = await databases.migrated(t)
      const log = createMemoryLog()
      let down = true
      const failing = withFaults(database, {
        statement() {
          if (down) throw Object.assign(new Error('gone'), { code: '08006' })
        },
      })
      const { close, problem } = ingestOf(t, log, failing)
      log.append(message(randomUUID()))
      await until(() => problem()?.includes('gone') === true, timeout, 'the first failure')
      await close()
      down = false
      t.same(await database.query('select count(*) from history.messages', []), [{ count: 0 }])
    },
  )
})
