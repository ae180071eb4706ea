import { randomUUID } from 'node:crypto'
import type { MessageEvent } from '@rabble/contract'
import type { TestContext } from '../test-context.ts'
import { until } from '../until.ts'
import { type Member, type MemberOptions, persist, retryDelay } from './member.ts'
import { type Answer, openSocketIo, type SocketIo } from './socketio.ts'

export interface SocketIoWay {
  version: 2 | 3 | 4
  transports: ('polling' | 'websocket')[]
}

/** Connects a client of Socket.IO by its name or its token. Resolves when it is in the lobby. */
export async function startSocketIoMember(
  t: TestContext,
  { version, transports }: SocketIoWay,
  { url, lobby, name, token, hear }: MemberOptions,
): Promise<Member> {
  const identity = token === undefined ? { name } : { token }
  const socket = openSocketIo(t, url, {
    version,
    transports,
    reconnectionDelay: retryDelay,
    reconnectionDelayMax: retryDelay,
    ...(version === 2 ? { query: identity } : { auth: identity }),
  })
  let starts = 0
  let last: string | undefined
  let isResuming = false
  let isOver = false
  t.teardown(() => {
    isOver = true
  })
  const take = (message: MessageEvent) => {
    last = message.id
    hear(message)
  }
  // The answer to `join` contains the messages that come before it.
  socket.on('message', (_: object, event: MessageEvent) => {
    if (!isResuming && event.room === lobby) take(event)
  })
  socket.on('start', (start: { token?: string; complete?: boolean }) => {
    const session = ++starts
    if (start.token !== undefined) comeBackAs(socket, version, start.token)
    isResuming = last !== undefined && start.complete !== true
    if (isResuming) persist(resume, () => isOver || session !== starts).catch(() => {})

    /** Resolves with true when the client has all that it missed. */
    async function resume(): Promise<true | undefined> {
      await request(socket, 'join', [{ room: lobby, after: last }], (answer) => {
        if (session !== starts || answer.complete !== true) return
        isResuming = false
        for (const event of (answer.events ?? []) as MessageEvent[]) if (event.type === 'message') take(event)
      })
      return isResuming ? undefined : true
    }
  })
  await until(() => starts > 0, 60_000, `${name} to be in the lobby`)
  return {
    get comebacks() {
      return starts - 1
    },
    say(text) {
      const cid = randomUUID()
      const since = performance.now()
      let isRepeat = false
      return persist(
        async () => {
          if (!socket.connected) return undefined
          const resent = isRepeat ? { resent: Math.round(performance.now() - since) } : {}
          isRepeat = true
          return (await request(socket, 'message', [{ text, cid, ...resent }])).id
        },
        () => isOver,
      )
    },
  }
}

/** Gives a guest its token for the next connection. Version 4 does that by itself. */
function comeBackAs(socket: SocketIo, version: 2 | 3 | 4, token: string): void {
  if (version === 2) socket.io.opts.query = { token }
  if (version === 3) socket.auth = { token }
}

/** Emits an event. Resolves with its acknowledgement. @throws Error if the connection is lost before */
function request(
  socket: SocketIo,
  event: string,
  args: readonly unknown[],
  answered: (answer: Answer) => void = () => {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const lost = () => reject(new Error('the connection was lost'))
    socket.on('disconnect', lost)
    socket.emit(event, ...args, (answer: Answer) => {
      socket.off('disconnect', lost)
      // At once: the next events may follow before a promise is resolved.
      answered(answer)
      resolve(answer)
    })
  })
}
