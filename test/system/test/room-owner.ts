import { type Chat, connect } from '@rabble/client'
import { createRoom } from '@rabble/client/rooms'
import { type TestContext, until } from '@rabble/harness'
import { WebSocket } from 'ws'

/** Connects a user who creates these rooms, each with its topic. */
export async function startOwner(
  t: TestContext,
  url: string,
  name: string,
  rooms: Readonly<Record<string, string>>,
): Promise<Chat> {
  const owner = connect({ url, name, WebSocket })
  t.teardown(() => owner.close())
  await until(() => owner.state.status === 'open', 60_000, `${name} to be connected`)
  for (const [room, topic] of Object.entries(rooms)) await createRoom(owner, room, { topic })
  return owner
}
