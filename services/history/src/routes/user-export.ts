import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type ErrorCode, isUserId, RabbleError, UserExportLine } from '@rabble/contract'
import { Type } from '@rabble/contract/typebox'
import type { RoomsClient, UsersClient } from '@rabble/rooms/client'
import { described, type Identity, requireCaller, sharersOf } from '@rabble/service'
import { userExportOf } from '../messages/user-export.ts'
import { fromSender } from '../search/search-document.ts'
import { storable } from '../text/storable.ts'
import { createExportStreams, type ExportLimits } from './export-streams.ts'
import type { RoutesOptions } from './history.ts'
import { createReads, type ReadLimits } from './reads.ts'

/** One read at a time: an export is rare and may last, and others read meanwhile. */
const readLimits: ReadLimits = { active: 1, waiting: 8, each: { active: 1, rest: 1 }, deadline: 10_000 }
const streamLimits: ExportLimits = { most: 4, maxOfEach: 2, timeout: 30_000, bytesPerSecond: 32 * 1024 }

const errors: readonly ErrorCode[] = [
  'bad-frame',
  'unauthorized',
  'forbidden',
  'too-large',
  'rate-limited',
  'unavailable',
]
const schema = {
  params: Type.Object({ user: Type.String({ minLength: 1, maxLength: 64 }) }),
  ...described({
    summary: 'Export a user',
    caller: 'user',
    answers: { 200: UserExportLine },
    type: 'application/x-ndjson',
    errors,
  }),
}

/** Roles of a token that may export others. Direct messages are part of an export, and moderators alone don't read those. */
const roles = ['moderator', 'direct-reader']

export interface UserExportOptions extends RoutesOptions {
  /** Says what it knows of users, and records who exports others. Default: messages, conversations and reactions are all there is. */
  users?: (Pick<RoomsClient, 'audit'> & Pick<UsersClient, 'userRecord'>) | undefined
}

/** `GET /api/users/{user}/export`: everything that is stored of a user, as NDJSON. */
export function userExportRoutes(options: UserExportOptions): FastifyPluginAsyncTypebox {
  const { database, access, clock, users } = options
  const reads = createReads(readLimits, options)
  const streams = createExportStreams(clock, streamLimits)

  /** Returns what the rooms service knows of a user. @throws RabbleError `unavailable` */
  async function ask<Result>(question: Promise<Result>): Promise<Result> {
    return question.catch((cause: unknown) => {
      options.metrics.roomsErrors.inc()
      throw new RabbleError('unavailable', 'the rooms service does not answer', { retryAfter: 2_000, cause })
    })
  }

  return async (app) => {
    app.get('/api/users/:user/export', { schema, exposeHeadRoute: false }, async (request, reply) => {
      const { user } = request.params
      if (!isUserId(user)) throw new RabbleError('bad-frame', 'this is not the id of a user')
      const caller = await requireCaller(request, { ...access, allowedOrigins: new Set() })
      checkMayExport(caller, user)
      const sharers = sharersOf(request.ip, caller.user.id)
      const exported = {
        user,
        term: fromSender(storable(user)),
        now: clock.now(),
        record:
          users &&
          (async () => {
            if (caller.user.id !== user) {
              await ask(users.audit([{ actor: caller.user, action: 'user.export', user }]))
            }
            const record = await ask(users.userRecord(user))
            if (record !== undefined) return record
            throw new RabbleError('too-large', 'this user has too many rooms or invitations to be exported')
          }),
      }
      const chunks = userExportOf(database, exported, (work) => reads.run('user-export', work, sharers))
      const stream = await streams.open(sharers, chunks)
      reply.header('content-disposition', `attachment; filename="${user}.ndjson"`)
      reply.header('cache-control', 'no-store')
      // When the stream fails, Fastify destroys the socket, which leaves the chunked body without its end.
      return reply.type('application/x-ndjson; charset=utf-8').send(stream)
    })
    app.addHook('preClose', async () => streams.close())
  }
}

/** @throws RabbleError `forbidden` */
function checkMayExport(caller: Identity, user: string): void {
  if (caller.user.id === user || roles.every((role) => caller.roles.includes(role))) return
  throw new RabbleError(
    'forbidden',
    `only the user, and tokens with the roles ${roles.join(' and ')}, may do this`,
  )
}
