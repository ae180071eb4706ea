import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  type ErrorCode,
  RabbleError,
  ReportClosing,
  ReportReply,
  ReportRequest,
  ReportsReply,
} from '@rabble/contract'
import { Type } from '@rabble/contract/typebox'
import type { AuditEntry, RoomsClient } from '@rabble/rooms/client'
import { checkLine, checkModerator, described, type Origins, requireCaller, sharersOf } from '@rabble/service'
import { checkAccess } from '../access/access.ts'
import { closeReports, listReports, openReport, report } from '../reports/reports.ts'
import type { RoutesOptions } from './history.ts'
import { createReads, type ReadLimits } from './reads.ts'

const limits: ReadLimits = {
  active: 1,
  waiting: 50,
  each: { active: 1, waiting: 20, rest: 1 },
  deadline: 4_000,
}
const allowedOrigins: Origins = new Set()

const errors: readonly ErrorCode[] = ['bad-frame', 'unauthorized', 'forbidden', 'rate-limited', 'unavailable']
const id = Type.Integer({ minimum: 1, maximum: 2 ** 53 - 1 })

const reportSchema = {
  body: ReportRequest,
  ...described({
    summary: 'Report a message',
    caller: 'user',
    answers: { 201: ReportReply },
    errors: [...errors, 'not-found', 'too-large'],
  }),
}
const listSchema = {
  querystring: Type.Object({
    state: Type.Unsafe<'open' | 'closed'>({ type: 'string', enum: ['open', 'closed'], default: 'open' }),
    room: Type.Optional(Type.String({ minLength: 1, maxLength: 140 })),
    user: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    after: Type.Optional(id),
    limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
  }),
  ...described({ summary: 'List reports', caller: 'moderator', answers: { 200: ReportsReply }, errors }),
}
const closeSchema = {
  params: Type.Object({ id }),
  body: ReportClosing,
  ...described({
    summary: 'Close the reports about a message',
    caller: 'moderator',
    answers: { 204: undefined },
    errors: [...errors, 'not-found'],
  }),
}

export interface ReportsOptions extends RoutesOptions {
  /** Records in the audit who closed reports. Default: nothing does. */
  users?: Pick<RoomsClient, 'audit'> | undefined
}

/** Routes by which users report messages, and moderators read the reports and close them. */
export function reportRoutes(options: ReportsOptions): FastifyPluginAsyncTypebox {
  const { database, access, metrics, users } = options
  const work = createReads(limits, options)

  return async (app) => {
    app.post('/api/reports', { schema: reportSchema }, async (request, reply) => {
      const caller = await requireCaller(request, { ...access, allowedOrigins })
      const { room, message, reason } = request.body
      checkLine('reason', reason)
      // Only those who can read a message can report it.
      await checkAccess(room, request, access)
      const made = () => report(database, { room, message, reason, reporter: caller.user })
      const id = await work.run('report', made, sharersOf(request.ip, caller.user.id))
      return reply.code(201).send({ id })
    })

    app.get('/api/reports', { schema: listSchema }, async (request) => {
      const caller = await requireCaller(request, { ...access, allowedOrigins })
      checkModerator(caller)
      const sharers = sharersOf(request.ip, caller.user.id)
      return work.run('reports', () => listReports(database, request.query), sharers)
    })

    app.patch('/api/reports/:id', { schema: closeSchema }, async (request, reply) => {
      const caller = await requireCaller(request, { ...access, allowedOrigins })
      checkModerator(caller)
      const { id } = request.params
      const { outcome } = request.body
      const by = caller.user
      const sharers = sharersOf(request.ip, by.id)
      const found = await work.run('report', () => openReport(database, id), sharers)
      if (found === undefined) throw new RabbleError('not-found', 'there is no such report, or it is closed')
      const { message, room, author: user } = found
      // Recorded before: without an entry in the audit, nothing is closed.
      await record({ actor: by, action: 'report.close', room, user, detail: { id, message, outcome } })
      await work.run('close-reports', () => closeReports(database, message, outcome, by), sharers)
      return reply.code(204).send()
    })
  }

  /** @throws RabbleError `unavailable` */
  async function record(entry: AuditEntry): Promise<void> {
    await users?.audit([entry]).catch((cause: unknown) => {
      metrics.roomsErrors.inc()
      throw new RabbleError('unavailable', 'the rooms service does not answer', { retryAfter: 2_000, cause })
    })
  }
}
