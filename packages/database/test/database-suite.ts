import type { Test } from 'tap'
import { type Database, isRefusedValue, isUnavailable, transactionWithin } from '../src/index.ts'

/** Tests the behaviour of each database, and closes it at the end. */
export async function checkDatabase(t: Test, database: Database): Promise<void> {
  await database.query('create table numbers (n int primary key)')
  const numbers = async () =>
    (await database.query<{ n: number }>('select n from numbers order by n')).map(({ n }) => n)

  await t.test('values come and go in one form', async (t) => {
    const [row] = await database.query(
      `select $1::int8 as safe, $2::bytea as bytes, $3::timestamptz as time, $4::text as text, $5::int as nothing,
          '{"a": [1]}'::json as json, count(*) as count from numbers`,
      [Number.MAX_SAFE_INTEGER, Buffer.from([0, 1, 255]), new Date(0), 'é😀', undefined],
    )
    t.same(row, {
      safe: Number.MAX_SAFE_INTEGER,
      bytes: Buffer.from([0, 1, 255]),
      time: new Date(0),
      text: 'é😀',
      nothing: null,
      json: { a: [1] },
      count: 0,
    })
    t.ok(Buffer.isBuffer((row as { bytes: unknown }).bytes))
    t.ok((row as { time: unknown }).time instanceof Date)
  })

  await t.test('arrays can be parameters', async (t) => {
    const rows = await database.query(
      'select * from unnest($1::int8[], $2::text[], $3::bytea[]) as r(i, s, b)',
      [
        [1, 2],
        ['a"{', '\\,'],
        [Buffer.from([0]), Buffer.from([255])],
      ],
    )
    t.same(rows, [
      { i: 1, s: 'a"{', b: Buffer.from([0]) },
      { i: 2, s: '\\,', b: Buffer.from([255]) },
    ])
  })

  await t.test('an int8 that no number can hold rejects', async (t) => {
    await t.rejects(database.query('select 9007199254740993::int8 as n', []), RangeError)
    t.same(await database.query('select 1 as n', []), [{ n: 1 }], 'and what follows works')
  })

  await t.test('without parameters several statements may be given, and the last one answers', async (t) => {
    t.same(await database.query('select 1 as a; select 2 as b'), [{ b: 2 }])
  })

  await t.test('errors carry the SQLSTATE', async (t) => {
    await t.rejects(database.query('select 1 / 0'), { code: '22012' })
    await t.rejects(database.query('select $1::text', ['a\0b']), { code: '22021' })
    const refused = await database.query('select $1::text', ['a\0b']).catch((error: unknown) => error)
    t.equal(isRefusedValue(refused), true)
    t.equal(isUnavailable(refused), false)
  })

  await t.test('a transaction commits what it did and gives back its result', async (t) => {
    const result = await database.transaction(async (query) => {
      await query('insert into numbers values (1)')
      return query('select n from numbers', [])
    })
    t.same(result, [{ n: 1 }])
    t.same(await numbers(), [1])
  })

  await t.test('a transaction that throws leaves nothing, and the database usable', async (t) => {
    const failed = database.transaction(async (query) => {
      await query('insert into numbers values (2)')
      throw new Error('no')
    })
    await t.rejects(failed, { message: 'no' })
    const poisoned = database.transaction(async (query) => {
      await query('insert into numbers values (3)')
      await query('insert into numbers values (1)')
    })
    await t.rejects(poisoned, { code: '23505' })
    t.same(await numbers(), [1])
  })

  await t.test(
    'a transaction that swallows the failure of a statement rejects, as it was rolled back',
    async (t) => {
      const swallowed = database.transaction(async (query) => {
        await query('insert into numbers values (4)')
        await query('select 1 / 0').catch(() => {})
      })
      await t.rejects(swallowed)
      t.same(await numbers(), [1])
    },
  )

  await t.test('a failure after a savepoint costs only what came after it', async (t) => {
    await database.transaction(async (query) => {
      await query('insert into numbers values (5)')
      await query('savepoint here')
      await query('insert into numbers values (5)').catch(() => {})
      await query('rollback to savepoint here')
      await query('insert into numbers values (6)')
    })
    t.same(await numbers(), [1, 5, 6])
  })

  await t.test('nobody sees half of a transaction, or gets into it', async (t) => {
    await database.query('delete from numbers')
    let seen: Promise<number[]> | undefined
    await database.transaction(async (query) => {
      await query('insert into numbers values (7)')
      seen = numbers()
      // PGlite lets it wait, PostgreSQL answers at once. Neither may see the row.
      if (database.kind === 'postgres') t.same(await seen, [])
      await query('delete from numbers')
    })
    t.same(await seen, [])
  })

  await t.test('a lease has one holder at a time, and is free once it was released', async (t) => {
    const first = await database.lease('a')
    t.equal(first?.ended.aborted, false)
    t.equal(await database.lease('a'), undefined)
    const other = await database.lease('b')
    t.ok(other, 'another name is another lease')
    await first?.release()
    t.equal(first?.ended.aborted, true)
    const second = await database.lease('a')
    t.ok(second)
    await first?.release()
    t.equal(await database.lease('a'), undefined, 'to release it again takes it from nobody')
    await Promise.all([second?.release(), other?.release()])
  })

  await t.test('transactions may run at once', async (t) => {
    await database.query('delete from numbers; insert into numbers values (0)')
    const add = () => database.transaction((query) => query('update numbers set n = n + 1'))
    await Promise.all(Array.from({ length: 30 }, add))
    t.same(await numbers(), [30])
  })

  await t.test('a transaction for which nobody waits any more is rolled back', async (t) => {
    await database.query('delete from numbers')
    const add = 'insert into numbers values ($1)'
    const inTime = new AbortController()
    await transactionWithin(database, inTime.signal, (query) => query(add, [1]))
    for (const moment of ['before', 'behind'] as const) {
      const stop = new AbortController()
      const late = transactionWithin(database, stop.signal, async (query) => {
        await query(add, [2])
        stop.abort()
        if (moment === 'before') await query(add, [3])
      })
      await t.rejects(late, `${moment} the last statement`)
    }
    t.same(await numbers(), [1])
  })

  // Must be the last test.
  await t.test(
    'a closed database has no leases, rejects as unavailable, and can be closed again',
    async (t) => {
      const lease = await database.lease('a')
      await database.close()
      await database.close()
      t.equal(lease?.ended.aborted, true)
      const failures = [
        () => database.query('select 1'),
        () => database.lease('a'),
        () => database.transaction(async () => {}),
      ].map((call) => call().catch((error: unknown) => error))
      t.same((await Promise.all(failures)).map(isUnavailable), [true, true, true])
    },
  )
}
