import { until } from '@rabble/harness'
import type { Test } from 'tap'
import type { Chat, ConnectOptions, Transport } from '../src/index.ts'
import { type Answer, type FakeGateway, nextAttempt, startFakeGateway } from './fake-gateway.ts'

const transports: readonly Transport[] = ['websocket', 'sse', 'polling']

/** Starts a gateway whose chats use all transports. */
export async function start(t: Test, answer?: Answer) {
  t.intercept(Math, 'random', { value: () => 0.5 })
  const gateway = await startFakeGateway(t, answer)
  const { streams } = gateway
  return {
    gateway,
    clock: gateway.clock,
    streams,
    connect: (options?: ConnectOptions) => gateway.connect({ transports, ...options }),
    /** Number of attempts by transport. */
    tried: () => ({
      websocket: gateway.attempts,
      sse: streams.of('GET').filter(({ url, last }) => url === '/sse' && last === undefined).length,
      polling: streams.of('GET').filter(({ url, last }) => url !== '/sse' && last === undefined).length,
    }),
  }
}

export async function fails(gateway: FakeGateway, chat: Chat, count = 1): Promise<void> {
  for (let failed = 0; failed < count; failed++) {
    await until(() => chat.status === 'waiting', 30_000, 'a failed attempt')
    await nextAttempt(gateway, chat)
  }
}

/** Opens a chat that WebSockets were refused to. */
export async function fallBack(t: Test, options?: ConnectOptions) {
  const parts = await start(t)
  parts.gateway.webSockets = 'refused'
  const chat = parts.connect(options)
  await fails(parts.gateway, chat)
  await chat.ready
  t.match(chat.state, { status: 'open', transport: 'sse' })
  return { ...parts, chat }
}
