import { type ChatClient, connectChat } from '@rabble/harness'
import type { Test } from 'tap'
import type { TestGateway } from './build.ts'

/** Connects a user with a token, in the room "general". */
export async function enter(
  t: Test,
  { ws, tokens }: TestGateway,
  id: string,
  roles: string[] = [],
): Promise<ChatClient> {
  const client = await connectChat(t, ws, { token: await tokens.sign({ id, name: id }, 600, roles) })
  await client.join('general')
  return client
}
