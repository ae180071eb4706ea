import { connect, type Transport } from '@rabble/client'
import type { TestContext } from '@rabble/harness'
import type { Member, MemberOptions } from '@rabble/harness/official-clients'
import { WebSocket } from 'ws'

/** Connects a client of the SDK over one transport. Resolves when it is in the lobby. */
export async function startSdkMember(
  t: TestContext,
  transport: Transport,
  { url, lobby, token, name, hear }: MemberOptions,
): Promise<Member> {
  const identity = token === undefined ? { name } : { token }
  const chat = connect({ url, transports: [transport], WebSocket, keep: 1, ...identity })
  t.teardown(() => chat.close())
  chat.on('state', ({ state }) => {
    if (state.status === 'closed' && state.code !== 'closed')
      t.comment(`${name}: ${state.code} ${state.reason}`)
  })
  const room = chat.room(lobby)
  let entries = 0
  room.on('joined', () => entries++)
  room.on('message', ({ message }) => hear(message))
  await room.join()
  return {
    get comebacks() {
      return entries - 1
    },
    say: async (text) => (await room.send(text)).id,
  }
}
