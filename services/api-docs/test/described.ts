import { once } from 'node:events'
import type { ClientFrame, ServerFrame } from '@rabble/contract'
import { until } from '@rabble/harness'
import type { Test } from 'tap'
import { WebSocket } from 'ws'
import type { describeMessages } from '../src/asyncapi.ts'
import type { describeHttp } from '../src/openapi.ts'
import { createChecker } from './checker.ts'

interface Asked {
  token?: string
  body?: unknown
  headers?: Record<string, string>
  /** Values of the path's parameters. */
  params?: Record<string, string | number>
  query?: string
}

/** Returns a way to send requests that must agree with a description, what was seen of it, and its check of single values. */
export function describedRequests(url: string, http: Awaited<ReturnType<typeof describeHttp>>) {
  const isOfHttp = createChecker(http)
  /** Operations and statuses that were seen, such as `GET /api/rooms 200`. */
  const seen = new Set<string>()

  /** Sends a request. Its body and the answer must be as the description of the operation says. */
  async function ask(t: Test, name: string, asked: Asked = {}): Promise<{ status: number; body: unknown }> {
    const { token, body, params = {}, query = '' } = asked
    const [method = '', template = ''] = name.split(' ')
    const operation = http.paths[template]?.[method.toLowerCase()]
    if (operation === undefined) throw new Error(`${name} is not described`)
    const path = template.replaceAll(/\{(\w+)\}/g, (_, param) => encodeURIComponent(params[param] ?? ''))
    const answer = await fetch(`${url}${path}${query}`, {
      method,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...asked.headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const about = `${name} ${answer.status}`
    seen.add(about)
    const text = await answer.text()
    const [type = ''] = (answer.headers.get('content-type') ?? '').split(';')
    const described = operation.responses[answer.status]
    t.ok(described, `${about} is described: ${text}`)
    const media = described?.content?.[type]
    t.equal(text === '', described?.content === undefined, `${about} has a body if the description has one`)
    const values: unknown[] =
      text === ''
        ? []
        : text
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line))
    for (const value of values)
      t.equal(isOfHttp(media?.schema ?? { $ref: '#/missing' }, value), undefined, about)
    if (answer.ok && body !== undefined) {
      const { schema } = operation.requestBody?.content['application/json'] ?? {}
      t.equal(isOfHttp(schema ?? { $ref: '#/missing' }, body), undefined, `the body of ${about}`)
    }
    return { status: answer.status, body: values[0] }
  }

  return { ask, seen, isOfHttp }
}

/** Returns a way to connect clients, each of whose frames in both directions must be as a description says. */
export function describedFrames(url: string, messages: Awaited<ReturnType<typeof describeMessages>>) {
  const isOfMessages = createChecker(messages)
  return async function connect(t: Test) {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`)
    const types = new Set<string>()
    const got: ServerFrame[] = []
    const check = (side: 'client' | 'server', frame: { type: string }) => {
      const name = `${side}${frame.type.slice(0, 1).toUpperCase()}${frame.type.slice(1)}`
      const message = messages.channels.frames?.messages[name]
      t.equal(
        isOfMessages(message?.payload ?? { $ref: '#/missing' }, frame),
        undefined,
        JSON.stringify(frame),
      )
      types.add(name)
    }
    socket.on('message', (data) => {
      const frame = JSON.parse(data.toString()) as ServerFrame
      check('server', frame)
      got.push(frame)
    })
    t.teardown(() => socket.terminate())
    await once(socket, 'open')
    let ref = 0
    return {
      types,
      got,
      /** Sends a frame. Resolves with its reply, which must be one of those that its operation has. */
      async send<Type extends ServerFrame['type']>(
        frame: ClientFrame,
        expected: Type,
      ): Promise<Extract<ServerFrame, { type: Type }>> {
        const own = { ...frame, ref: ++ref }
        check('client', own)
        socket.send(JSON.stringify(own))
        await until(
          () => got.some((other) => 'ref' in other && other.ref === own.ref),
          60_000,
          `a reply to ${frame.type}`,
        )
        const reply = got.find((other) => 'ref' in other && other.ref === own.ref)
        t.equal(reply?.type, expected, JSON.stringify(reply))
        const operation = Object.values(messages.operations).find(
          ({ action, title }) => action === 'receive' && title === frame.type,
        )
        const replies = operation?.reply?.messages.map(({ $ref }) => $ref.split('/').at(-1)?.toLowerCase())
        t.ok(replies?.includes(`server${expected}`.toLowerCase()), `${expected} is a reply to ${frame.type}`)
        return reply as Extract<ServerFrame, { type: Type }>
      },
      /** Sends a frame without a reply. */
      tell(frame: ClientFrame): void {
        check('client', frame)
        socket.send(JSON.stringify(frame))
      },
    }
  }
}
