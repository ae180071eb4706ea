import type { EventsReply } from '@rabble/contract'
import { systemClock } from '../clock.ts'
import { segment } from '../segment.ts'
import { eventsOf } from './events.ts'
import { type Question, Requests } from './requests.ts'
import type { KickOptions, Restriction, RestrictOptions, ServerClient, ServerOptions } from './types.ts'

export { ChatError, type ChatErrorCode } from '../errors.ts'
export type * from './types.ts'

/**
 * Creates a client for back ends and bots, which talks to Rabble over HTTP with a service token. It holds no connection open,
 * except while `events` waits.
 * @throws TypeError if `url` is none, or if there is not exactly one of `token` and `getToken`
 */
export function createServerClient(options: ServerOptions): ServerClient {
  const { url, token, getToken = () => token ?? '', retryFor = 30_000 } = options
  if ((token === undefined) === (options.getToken === undefined)) {
    throw new TypeError('createServerClient needs either token or getToken')
  }
  const base = new URL(url)
  if (base.protocol !== 'https:' && base.protocol !== 'http:') {
    throw new TypeError('url must begin with https:// or http://')
  }
  base.pathname = base.pathname.replace(/\/?$/, '/')
  const { fetch = globalThis.fetch.bind(globalThis), clock = systemClock } = options
  const requests = new Requests({ base, fetch, clock, getToken, retryFor })

  const post = <Answer>(path: string, body: object, signal?: AbortSignal): Promise<Answer> =>
    requests.ask({ method: 'POST', path, body, signal })
  const remove = <Answer>(path: string, signal?: AbortSignal): Promise<Answer> =>
    requests.ask({ method: 'DELETE', path, signal })
  const restrict = (kind: 'bans' | 'mutes', user: string, { signal, ...fields }: RestrictOptions) =>
    post<Restriction>(`api/moderation/${kind}`, { user, ...fields }, signal)

  return {
    publish: async (room, text, { signal, cid = crypto.randomUUID(), ...fields } = {}) =>
      post(`api/rooms/${segment(room)}/messages`, { text, cid, ...fields }, signal),
    notify: async (to, text, { signal, cid = crypto.randomUUID() } = {}) =>
      post('api/notify', { ...targetOf(to), text, cid }, signal),
    kick: (user, { signal, ...fields }: KickOptions = {}) =>
      post('api/moderation/kicks', { user, ...fields }, signal),
    ban: (user, options = {}) => restrict('bans', user, options),
    unban: (id, { signal } = {}) => remove(`api/moderation/bans/${id}`, signal),
    mute: (user, options = {}) => restrict('mutes', user, options),
    unmute: (id, { signal } = {}) => remove(`api/moderation/mutes/${id}`, signal),
    deleteMessage: async (room, id, { signal } = {}) =>
      remove(`api/rooms/${segment(room)}/messages/${segment(id)}`, signal),
    events: (options = {}) => eventsOf(requests, options),
    async position({ signal } = {}) {
      const question: Question = { method: 'GET', path: 'api/events?from=now', signal }
      return (await requests.ask<EventsReply>(question)).position
    },
  }
}

/** @throws TypeError for a target without a user or a room, which would be everybody on the way to the server */
function targetOf(to: Parameters<ServerClient['notify']>[0]): { user?: string; room?: string } {
  if (to === 'everybody') return {}
  if ('user' in to && typeof to.user === 'string') return { user: to.user }
  if ('room' in to && typeof to.room === 'string') return { room: to.room }
  throw new TypeError("notify needs {user}, {room} or 'everybody'")
}
