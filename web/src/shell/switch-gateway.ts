import type { Chat, ChatState } from '@rabble/client'
import { t } from '../texts/texts.ts'

/** Maximum number of attempts, since a proxy may choose the same gateway again. */
const attempts = 8
/** Timeout (ms) of each step. */
const timeout = 8_000

/**
 * Switches to another gateway, if there is one. Nginx binds a browser to its gateway by a cookie that scripts can't read, and is
 * asked to delete it first. Resolves with the outcome, for people.
 */
export async function switchGateway(chat: Chat): Promise<string> {
  const before = chat.state
  if (before.status !== 'open') return t.shell.noConnection
  try {
    const { gateways, here } = await chat.gateways()
    if (!gateways.some(({ gateway, state }) => gateway !== here && state === 'ready')) {
      return t.shell.onlyGateway(here)
    }
    for (let attempt = 0; attempt < attempts; attempt++) {
      await chat.request(['api', 'route', 'forget'], { method: 'POST', signal: AbortSignal.timeout(timeout) })
      const { gateway } = await anotherSession(chat)
      if (gateway !== before.gateway) return t.shell.nowOn(gateway)
    }
    return t.shell.stillOn(before.gateway)
  } catch {
    return t.shell.noAnswer
  }
}

type Open = Extract<ChatState, { status: 'open' }>

/** Reconnects, and resolves with the new session. @throws Error after `timeout` */
function anotherSession(chat: Chat): Promise<Open> {
  const { state } = chat
  const session = state.status === 'open' ? state.session : undefined
  return new Promise((resolve, reject) => {
    const done = () => {
      clearTimeout(timer)
      off()
    }
    const timer = setTimeout(() => {
      done()
      reject(new Error('there was no other session in time'))
    }, timeout)
    const off = chat.on('state', ({ state }) => {
      if (state.status !== 'open' || state.session === session) return
      done()
      resolve(state)
    })
    chat.reconnect()
  })
}
