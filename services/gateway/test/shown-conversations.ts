import type { ConversationState } from '@rabble/contract'
import { type ChatClient, until } from '@rabble/harness'

/** Returns the conversations that a client has been told of: of each room the state with the highest version. */
function known(client: ChatClient): Map<string, ConversationState> {
  const states = new Map<string, ConversationState>()
  const versions = new Map<string, number>()
  const take = (room: string, state: ConversationState | undefined, version: number) => {
    if (version < (versions.get(room) ?? 0)) return
    versions.set(room, version)
    if (state === undefined) states.delete(room)
    else states.set(room, state)
  }
  for (const frame of client.frames) {
    if (frame.type === 'watching') for (const one of frame.conversations) take(one.room, one, one.version)
    else if (frame.type === 'conversation') take(frame.room, frame.conversation, frame.version)
    else if (frame.type === 'activity') {
      const state = states.get(frame.room)
      if (state === undefined || frame.version <= state.version) continue
      const { count, version } = frame
      take(frame.room, { ...state, unread: state.unread + count - state.count, count, version }, version)
    }
  }
  return states
}

/** Waits until a client has been told this of a conversation; undefined: that the user is not in it. */
export async function shows(
  client: ChatClient,
  room: string,
  expected: Partial<ConversationState> | undefined,
): Promise<void> {
  const matches = () => {
    const state = known(client).get(room)
    if (state === undefined || expected === undefined) return state === expected
    return Object.entries(expected).every(([key, value]) => state[key as keyof ConversationState] === value)
  }
  const describe = () => `${room}: ${JSON.stringify(expected)} in ${JSON.stringify(known(client).get(room))}`
  await until(async () => matches(), 60_000, describe())
}
