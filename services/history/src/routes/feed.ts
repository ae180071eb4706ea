import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type ErrorCode, EventsReply, RabbleError, roomKind } from '@rabble/contract'
import { Type } from '@rabble/contract/typebox'
import { bearerToken, described, type Identity, sharersOf } from '@rabble/service'
import type { FastifyRequest } from 'fastify'
import type { AccessOptions } from '../access/access.ts'
import { type FeedPage, feedEnd, feedOf } from '../messages/feed.ts'
import { createFeedWatch } from './feed-watch.ts'
import type { RoutesOptions } from './history.ts'
import { createPlaces } from './places.ts'
import { createReads, type ReadLimits } from './reads.ts'

/** Role that a token needs to read the feed, and the one that it needs besides for direct messages. */
const role = 'service'
const directRole = 'direct-reader'

const readLimits: ReadLimits = {
  active: 2,
  waiting: 200,
  each: { active: 1, waiting: 50, rest: 1 },
  deadline: 4_000,
}
const endLimits: ReadLimits = { active: 1, waiting: 1, deadline: 4_000 }
/** Maximum number of requests that read or wait for events. */
const placeLimits = { most: 200, maxOfEach: 20, of: 'readers of events' }

const errors: readonly ErrorCode[] = ['bad-frame', 'unauthorized', 'forbidden', 'rate-limited', 'unavailable']
const schema = {
  querystring: Type.Object({
    after: Type.Optional(Type.String({ minLength: 1, maxLength: 4096 })),
    from: Type.Optional(Type.Unsafe<'first' | 'now'>({ type: 'string', enum: ['first', 'now'] })),
    room: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 140 }), { minItems: 1, maxItems: 50 }),
    ),
    direct: Type.Boolean({ default: false }),
    limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
    wait: Type.Integer({ minimum: 0, maximum: 30, default: 0 }),
  }),
  ...described({ summary: 'Read all events', caller: 'program', answers: { 200: EventsReply }, errors }),
}

/** `GET /api/events`: the events of all rooms, for programs that keep a position. */
export function feedRoutes(options: RoutesOptions): FastifyPluginAsyncTypebox {
  const { clock, database, access } = options
  const reads = createReads(readLimits, options)
  const ends = createReads(endLimits, options)
  const places = createPlaces(placeLimits)
  const watch = createFeedWatch(() => ends.run('feed-end', () => feedEnd(database)), { clock })

  return async (app) => {
    let closing = false
    app.addHook('preClose', async () => {
      closing = true
      watch.close()
    })

    app.get('/api/events', { schema, exposeHeadRoute: false }, async (request, reply) => {
      const { room: rooms, direct, limit, after, from, wait } = request.query
      if (after !== undefined && from !== undefined) {
        throw new RabbleError('bad-frame', 'after and from exclude each other')
      }
      const { user, roles } = await programOf(request, access)
      const isPrivate = rooms?.map(isPrivateRoom).includes(true)
      if (isPrivate && !direct) throw new RabbleError('bad-frame', 'private rooms need direct=true')
      if (direct && !roles.includes(directRole)) {
        throw new RabbleError('forbidden', `direct=true needs a token with the role ${directRole} as well`)
      }
      const sharers = sharersOf(request.ip, user.id)
      const leave = places.take(sharers)
      const gone = new AbortController()
      reply.raw.once('close', () => gone.abort())
      try {
        const over = clock.monotonic() + wait * 1_000
        const query = { limit, direct, ...(rooms !== undefined && { rooms }) }
        for (let position = after ?? from ?? 'now'; ; ) {
          const read = () => feedOf(database, { ...query, after: position })
          const page = await reads.run('feed', read, sharers)
          const left = over - clock.monotonic()
          const isNews = page.events.length > 0 || page.gap !== undefined || position === 'now'
          if (isNews || left <= 0 || gone.signal.aborted || closing) {
            return reply.type('application/json; charset=utf-8').send(jsonOf(page))
          }
          position = page.position
          if (!page.hasMore) await watch.beyond(page.end, left, gone.signal)
        }
      } finally {
        leave()
      }
    })
  }
}

/**
 * Returns the program that asks. Only bearer tokens count: with a cookie, a page of a user with the role could read everything.
 * @throws RabbleError `unauthorized`, `forbidden`, `unavailable`
 */
async function programOf(
  { headers }: Pick<FastifyRequest, 'headers'>,
  { tokens, readers }: AccessOptions,
): Promise<Identity> {
  const token = bearerToken(headers.authorization)
  if (token === undefined) throw new RabbleError('unauthorized', 'this needs Authorization: Bearer <token>')
  const caller = await tokens.verify(token)
  if (!caller.roles.includes(role)) {
    throw new RabbleError('forbidden', `this needs a token with the role ${role}`)
  }
  readers.checkBan(caller.user.id)
  return caller
}

function isPrivateRoom(room: string): boolean {
  const kind = roomKind(room)?.kind
  if (kind === undefined) throw new RabbleError('bad-frame', 'that is not the name of a room')
  return kind === 'direct' || kind === 'user'
}

/** Returns an `EventsReply`. The lines are JSON already. */
function jsonOf({ events, position, hasMore, gap }: FeedPage): string {
  const list = events.map(({ position, line }) => `{"position":"${position}","event":${line}}`)
  const rest = { position, hasMore, ...(gap !== undefined && { gap }) }
  return `{"events":[${list.join(',')}],${JSON.stringify(rest).slice(1)}`
}
