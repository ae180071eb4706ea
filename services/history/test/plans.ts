import { connectPostgres, type Database, migrate } from '@rabble/database'
import { startPostgres } from '@rabble/harness'
import type { Test } from 'tap'
import { feedOf } from '../src/messages/feed.ts'
import { pageOf } from '../src/messages/page.ts'
import { replayOf } from '../src/messages/replay.ts'
import { longTimeouts, migrations } from './databases.ts'

interface Node {
  'Node Type': string
  'Index Name'?: string
  'Shared Hit Blocks': number
  'Shared Read Blocks': number
  Plans?: Node[]
}

const room = 'large'

/** Creates a room of `rows` messages among others, and checks that its pages and replays read little else. */
export async function checkPlans(t: Test, rows: number): Promise<void> {
  const server = await startPostgres(t, { settings: { autovacuum: 'off' } })
  const database = await connectPostgres(await server.createDatabase(), longTimeouts)
  t.teardown(() => database.close())
  await migrate(database, 'history', migrations)
  // Every other message is in one of many small rooms, so that neighbours in the room are not neighbours in the table.
  await database.query(
    `insert into history.messages (partition, sequence, id, room, sender_id, sender_name, text, at, via)
     select 0, n, 'm' || n, case n % 2 when 0 then $1 else 'room-' || n % 999 end, 'ada', 'Ada',
       repeat('words ', 12), timestamptz '2026-11-22' + n * interval '1 second', 'gateway-1'
     from generate_series(1, $2::int) as numbers (n)`,
    [room, 2 * rows],
  )
  // Each message was changed later, in the same order.
  await database.query(
    `insert into history.changes (partition, sequence, id, room, message, line)
     select partition, sequence + $1, 'c' || id, room, id, case sequence % 3 when 0 then text end
     from history.messages`,
    [2 * rows],
  )
  await database.query('analyze history.messages, history.changes')

  /** Returns the executed plans of the queries on the tables of events. */
  async function plansOf(ask: (database: Database) => Promise<{ lines: string[] }>): Promise<Node[]> {
    const plans: Node[] = []
    const explain =
      (query: Database['query']): Database['query'] =>
      async <Row>(sql: string, params?: readonly unknown[]) => {
        if (/history\.(messages|changes)/.test(sql)) {
          const [plan] = await query<{ 'QUERY PLAN': [{ Plan: Node }] }>(
            `explain (analyze, buffers, format json) ${sql}`,
            params,
          )
          if (plan) plans.push(plan['QUERY PLAN'][0].Plan)
        }
        return query<Row>(sql, params)
      }
    const explained: Database = {
      ...database,
      query: explain(database.query),
      transaction: (work) => database.transaction((query) => work(explain(query))),
    }
    const { lines } = await ask(explained)
    t.equal(lines.length, 50)
    return plans
  }

  function buffersOf(plans: Node[]): number {
    return plans.reduce((sum, plan) => sum + plan['Shared Hit Blocks'] + plan['Shared Read Blocks'], 0)
  }

  const middle = `m${rows}`
  const byId = ['messages_pkey', 'changes_pkey']
  const asked = [{}, { before: middle }, { after: middle }, { around: middle }, { after: 'm2' }]
  for (const query of asked) {
    const plans = await plansOf((database) => pageOf(database, { room, limit: 50, ...query }))
    const nodes = plans.flatMap(all)
    t.match(
      nodes.map((node) => node['Node Type']),
      [...nodes].map(() => /^(Limit|Append|Index Scan)$/),
      `${JSON.stringify(query)} is read from indexes, and not sorted`,
    )
    t.same(
      new Set(nodes.flatMap((node) => node['Index Name'] ?? [])),
      new Set([...(Object.keys(query).length > 0 ? byId : []), 'messages_by_room']),
    )
    const buffers = buffersOf(plans)
    // 51 or 102 rows, each perhaps in its own block, and the levels of the indexes.
    t.ok(buffers < 150, `${JSON.stringify(query)} takes ${buffers} buffers`)
  }

  // The last 50 events of the room, which are changes.
  const after = `cm${2 * rows - 98}`
  const plans = await plansOf((database) => replayOf(database, 1, { room, limit: 1_000, after: [after] }))
  t.same(
    new Set(plans.flatMap(all).flatMap((node) => node['Index Name'] ?? [])),
    new Set([...byId, 'messages_by_room', 'changes_by_room']),
  )
  const buffers = buffersOf(plans)
  t.ok(buffers < 100, `a replay from ${after} takes ${buffers} buffers`)

  // A page of all events, also if what is asked for has just begun or is about to end.
  await database.query('insert into history.positions (partition, sequence) values (0, $1)', [4 * rows])
  const { position } = await feedOf(database, { after: 'now', limit: 1 })
  for (const start of [0, rows, 4 * rows - 210]) {
    const query = { after: position.replace(String(4 * rows), String(start)), limit: 50 }
    const plans = await plansOf(async (database) => {
      const { events } = await feedOf(database, query)
      return { lines: events.map(({ line }) => line) }
    })
    const names = new Set(plans.flatMap(all).flatMap((node) => node['Index Name'] ?? []))
    t.same(names, new Set(['messages_by_sequence', 'changes_by_sequence']))
    const buffers = buffersOf(plans)
    t.ok(buffers < 250, `a page of all events from ${start} takes ${buffers} buffers`)
  }
}

function all(node: Node): Node[] {
  return [node, ...(node.Plans ?? []).flatMap(all)]
}
