import { setMaxListeners } from 'node:events'
import { Agent } from 'node:http'
import { Agent as TlsAgent } from 'node:https'
import { type Clock, systemClock } from '@rabble/clock'
import type { BeforePublishAnswer, BeforePublishRequest } from '@rabble/contract'
import { parseBeforePublishAnswer } from '@rabble/contract/parse'
import { type HttpAnswer, postSigned, type Tracing } from '@rabble/service'

export interface ReceiverOptions {
  url: string
  /** Keys that sign the questions; see `signWebhook`. */
  secret: string
  /** Time limit (ms) of an answer, to its last byte. */
  timeout: number
  /** Maximum number of concurrent questions. As many connections are kept. */
  connections: number
  /** Maximum size (bytes) of an answer. */
  answerBytes: number
  /** Default: questions are not traced. */
  tracing?: Tracing | undefined
  clock?: Clock
}

/** Answer that breaks a rule. */
export class InvalidAnswerError extends Error {
  override readonly name = 'InvalidAnswerError'
}

/** The operator's program, which is asked over HTTP. */
export interface Receiver {
  /**
   * Asks whether an event may be published, once. `webhook-id` is the event's id.
   * @throws InvalidAnswerError; DOMException `TimeoutError`; the error of the connection
   */
  ask(question: Omit<BeforePublishRequest, 'type' | 'timestamp'>): Promise<BeforePublishAnswer>
  /** Closes all connections. Questions that wait for an answer fail. */
  close(): void
}

export function createReceiver(options: ReceiverOptions): Receiver {
  const { secret, timeout, connections, answerBytes, tracing, clock = systemClock } = options
  const url = new URL(options.url)
  const kept = { keepAlive: true, noDelay: true, maxSockets: connections, maxFreeSockets: connections }
  const agent = url.protocol === 'https:' ? new TlsAgent(kept) : new Agent(kept)
  const stopped = new AbortController()
  setMaxListeners(connections, stopped.signal)
  const to = { url, secret, timeout, maxBytes: answerBytes, agent, tracing, clock, signal: stopped.signal }
  return {
    async ask(question) {
      const body = {
        type: 'before-publish',
        timestamp: new Date(clock.now()).toISOString(),
        ...question,
      } satisfies BeforePublishRequest
      return parseAnswer(await postSigned({ id: question.event.id, body: JSON.stringify(body) }, to))
    },
    close() {
      stopped.abort(new Error('the gateway is stopping'))
      agent.destroy()
    },
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function parseAnswer({ status, body, isCut }: HttpAnswer): BeforePublishAnswer {
  if (isCut) throw new InvalidAnswerError(`answered with more than ${body.length} bytes`)
  if (status === 204) return { action: 'allow' }
  if (status !== 200) throw new InvalidAnswerError(`answered with status ${status}`)
  try {
    return parseBeforePublishAnswer(JSON.parse(utf8.decode(body)))
  } catch (cause) {
    throw new InvalidAnswerError(`answered with no valid JSON: ${(cause as Error).message}`, { cause })
  }
}
