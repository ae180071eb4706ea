import { ClientFrame } from '@rabble/contract'
import { Type } from '@rabble/contract/typebox'
import { described } from '@rabble/service'
import type { RouteShorthandOptions } from 'fastify'

/** Maximum time (ms) that a poll waits. */
export const longestWait = 25_000

/** Options of the routes of one kind of session. */
export type SessionSchemas = Record<'receive' | 'send' | 'end', RouteShorthandOptions>

const headers = Type.Object({ 'last-event-id': Type.String() })
const pollQuery = Type.Object({
  wait: Type.Optional(Type.Integer({ minimum: 0, maximum: longestWait, default: longestWait })),
})

/** Returns the descriptions of the routes of `session`. The handlers check the requests. */
export function sessionSchemas(session: string, { polled = false } = {}): SessionSchemas {
  const receive = {
    headers: Type.Partial(headers),
    ...(polled && { querystring: pollQuery }),
    ...described({
      summary: `Receive the frames of ${session}`,
      caller: 'anybody',
      answers: { 200: Type.String(), 204: undefined },
      type: 'text/event-stream',
      errors: ['forbidden', 'unavailable'],
    }),
  }
  const send = {
    headers,
    body: { content: { 'application/x-ndjson': { schema: ClientFrame } } },
    ...described({
      summary: `Send frames of ${session}`,
      caller: 'nobody',
      answers: { 204: undefined },
      errors: ['bad-frame', 'not-found', 'too-large', 'rate-limited', 'unavailable'],
    }),
  }
  const end = {
    headers,
    ...described({
      summary: `End ${session}`,
      caller: 'nobody',
      answers: { 204: undefined },
      errors: ['bad-frame', 'not-found', 'unavailable'],
    }),
  }
  const validatorCompiler = () => (value: unknown) => ({ value })
  return {
    receive: { schema: receive, validatorCompiler },
    send: { schema: send, validatorCompiler },
    end: { schema: end, validatorCompiler },
  }
}
