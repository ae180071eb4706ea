import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Clock } from '@rabble/clock'
import { type ErrorCode, MessageEvent, MessagesReply, RabbleError, SearchReply } from '@rabble/contract'
import { Type } from '@rabble/contract/typebox'
import type { Database, WorkHealth } from '@rabble/database'
import { described, sharersOf } from '@rabble/service'
import { type AccessOptions, callerOf, checkAccess } from '../access/access.ts'
import { startIndexing } from '../jobs/indexing.ts'
import { exportOf } from '../messages/export.ts'
import { pageOf } from '../messages/page.ts'
import type { HistoryMetrics } from '../metrics.ts'
import { search } from '../search/search.ts'
import { createExportStreams, type ExportLimits } from './export-streams.ts'
import { createReads, type ReadLimits } from './reads.ts'

export interface RoutesOptions {
  clock: Clock
  database: Database
  metrics: HistoryMetrics
  access: AccessOptions
  /** Whether the tables exist. */
  migrated: () => boolean
  /** Tracks whether the tables can be read and written. */
  health: WorkHealth
  /** Time limit (ms) for each read. Default: each kind of read has its own. */
  deadline?: number | undefined
}

/**
 * Each kind of read has its own share, so that slow searches never block pages. Together they leave some connections to the
 * writer. `each` is the share of one user and of one address.
 */
const pageLimits: ReadLimits = {
  active: 4,
  waiting: 200,
  each: { active: 2, waiting: 100, rest: 1 },
  deadline: 4_000,
}
const searchLimits: ReadLimits = {
  active: 2,
  waiting: 20,
  each: { active: 1, waiting: 4, rest: 3 },
  deadline: 4_000,
}
const exportLimits: ReadLimits = { active: 2, waiting: 8, each: { active: 1, rest: 1 }, deadline: 4_000 }
/** As many streams as may read or wait. A stream whose reader is slow does neither. */
const streamLimits: ExportLimits = { most: 10, maxOfEach: 2, timeout: 30_000, bytesPerSecond: 32 * 1024 }

const cursor = Type.Optional(Type.String({ minLength: 1, maxLength: 64 }))
const room = Type.String({ minLength: 1, maxLength: 140 })
const time = Type.Optional(Type.String({ minLength: 10, maxLength: 40 }))

const errors: readonly ErrorCode[] = ['bad-frame', 'unauthorized', 'forbidden', 'rate-limited', 'unavailable']

const pageSchema = {
  params: Type.Object({ room }),
  querystring: Type.Object({
    before: cursor,
    after: cursor,
    around: cursor,
    limit: Type.Integer({ minimum: 1, maximum: 1000, default: 50 }),
  }),
  ...described({
    summary: 'Read a page of messages',
    caller: 'anybody',
    answers: { 200: MessagesReply },
    errors,
  }),
}

const searchSchema = {
  querystring: Type.Object({
    q: Type.String({ minLength: 1, maxLength: 256 }),
    room: Type.Optional(room),
    from: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
    since: time,
    until: time,
    sort: Type.Unsafe<'rank' | 'newest'>({ type: 'string', enum: ['rank', 'newest'], default: 'rank' }),
    limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
    before: cursor,
  }),
  ...described({ summary: 'Search messages', caller: 'anybody', answers: { 200: SearchReply }, errors }),
}

const exportSchema = {
  params: Type.Object({ room }),
  ...described({
    summary: 'Export a room',
    caller: 'anybody',
    answers: { 200: MessageEvent },
    type: 'application/x-ndjson',
    errors,
  }),
}

export function historyRoutes(options: RoutesOptions): FastifyPluginAsyncTypebox {
  const { database, access } = options
  const pages = createReads(pageLimits, options)
  const searches = createReads(searchLimits, options)
  const exports = createReads(exportLimits, options)
  const streams = createExportStreams(options.clock, streamLimits)

  return async (app) => {
    app.get('/api/rooms/:room/messages', { schema: pageSchema }, async (request, reply) => {
      const { room } = request.params
      const { before, after, around, limit } = request.query
      const cursors = {
        ...(before !== undefined && { before }),
        ...(after !== undefined && { after }),
        ...(around !== undefined && { around }),
      }
      if (Object.keys(cursors).length > 1) {
        throw new RabbleError('bad-frame', 'before, after and around exclude each other')
      }
      const caller = await checkAccess(room, request, access)
      const sharers = sharersOf(request.ip, caller?.user.id)
      const page = await pages.run('page', () => pageOf(database, { room, limit, ...cursors }), sharers)
      const { lines, gaps, hasMoreBefore, hasMoreAfter } = page
      const rest = {
        hasMore: after === undefined ? hasMoreBefore : hasMoreAfter,
        hasMoreBefore,
        hasMoreAfter,
        ...(gaps.length > 0 && { gaps }),
      }
      // A `MessagesReply`. The lines are JSON already.
      reply.type('application/json; charset=utf-8')
      return `{"messages":[${lines.join(',')}],${JSON.stringify(rest).slice(1)}`
    })

    app.get('/api/search', { schema: searchSchema }, async (request, reply) => {
      const { room, since, until, ...query } = request.query
      const caller = await (room === undefined
        ? callerOf(request, access)
        : checkAccess(room, request, access))
      const sharers = sharersOf(request.ip, caller?.user.id)
      const scope = room === undefined ? { user: caller?.user.id } : { room }
      const times = {
        ...(since !== undefined && { since: timeOf('since', since) }),
        ...(until !== undefined && { until: timeOf('until', until) }),
      }
      // Within the caller's share: this question costs the rooms service something as well.
      const find = async () => {
        const hidden = room === undefined ? await access.readers.hidden(caller) : []
        return search(database, { ...query, ...times, scope, hidden })
      }
      const found = await searches.run('search', find, sharers)
      // A `SearchReply`.
      reply.type('application/json; charset=utf-8')
      const results = found.results.map(
        ({ line, snippet }) => `{"message":${line},"snippet":${JSON.stringify(snippet)}}`,
      )
      return `{"results":[${results.join(',')}],"hasMore":${found.hasMore}}`
    })

    const exportOptions = { schema: exportSchema, exposeHeadRoute: false }
    app.get('/api/rooms/:room/export', exportOptions, async (request, reply) => {
      const { room } = request.params
      const caller = await checkAccess(room, request, access)
      const sharers = sharersOf(request.ip, caller?.user.id)
      const chunks = exportOf(database, room, (work) => exports.run('export', work, sharers))
      const stream = await streams.open(sharers, chunks)
      // When the stream fails, Fastify destroys the socket, which leaves the chunked body without its end.
      return reply.type('application/x-ndjson; charset=utf-8').send(stream)
    })
    app.addHook('preClose', async () => streams.close())

    let indexing: ReturnType<typeof startIndexing> | undefined
    app.addHook('onReady', async () => {
      indexing = startIndexing({ ...options, logger: app.log })
    })
    app.addHook('onClose', async () => indexing?.close())
  }
}

function timeOf(name: string, text: string): Date {
  const time = new Date(text)
  // PostgreSQL accepts no year of more than four digits in this form.
  if (!/^\d{4}-\d\d-\d\d/.test(text) || Number.isNaN(time.getTime()) || text < '0001') {
    throw new RabbleError('bad-frame', `${name} must be a time like 2026-11-22T10:00:00Z`)
  }
  return time
}
