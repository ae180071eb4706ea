import { createManualClock } from '@rabble/clock/manual'
import { until } from '@rabble/harness'
import { createServerClient, type ServerOptions } from '../../src/server/index.ts'

/** A request as the fake received it. */
export interface Asked {
  method: string
  /** Path with its query, without the address. */
  path: string
  token: string
  body?: unknown
}

/** Body of an answer with its status, default 200; an error of the network; or no answer before the request is given up. */
export type FakeAnswer =
  | { status?: number; body?: unknown; headers?: Record<string, string> }
  | Error
  | 'silence'

/** Creates a client over a fake of `fetch`, which answers from a list, in its order, and then never. Time is moved by hand. */
export function createFake(answers: FakeAnswer[], options: Partial<ServerOptions> = {}) {
  const clock = createManualClock()
  const asked: Asked[] = []
  const silence = (signal: AbortSignal | null | undefined) =>
    new Promise<never>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))

  const fakeFetch: typeof fetch = async (url, { method = 'GET', headers, body, signal } = {}) => {
    const token = new Headers(headers).get('authorization')?.replace('Bearer ', '') ?? ''
    const path = String(url).replace('https://chat.example/below/', '')
    asked.push({ method, path, token, ...(body && { body: JSON.parse(String(body)) }) })
    const answer = answers.shift() ?? 'silence'
    if (answer === 'silence') return silence(signal)
    if (answer instanceof Error) throw answer
    const { status = 200, headers: answered = {} } = answer
    const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body)
    return new Response(status === 204 ? null : (text ?? ''), { status, headers: answered })
  }

  const rabble = createServerClient({
    url: 'https://chat.example/below',
    ...(options.getToken === undefined && { token: 'secret' }),
    fetch: fakeFetch,
    clock,
    ...options,
  })
  return {
    rabble,
    clock,
    asked,
    /** Lets time pass until a promise is settled. */
    async pass<T>(promise: Promise<T>, step = 1_000): Promise<T> {
      let settled = false
      const settle = () => {
        settled = true
      }
      promise.then(settle, settle)
      const look = async () => {
        if (!settled) await clock.advance(step)
        return settled
      }
      await until(look, 30_000, 'a promise to be settled')
      return promise
    },
  }
}
