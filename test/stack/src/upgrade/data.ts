import type { MessagesReply, RoomReply } from '@rabble/contract'
import { connectChat, type TestContext, until } from '@rabble/harness'
import { createTokens } from '@rabble/service'

/** Things that the first version stored, and that every later one must show. */
export interface Data {
  /** Compares what a version shows with what was stored. Resolves with the differences, for people. */
  differences(): Promise<string[]>
}

const room = 'the old room'
const [ada, bob] = ['ada', 'bob']

/**
 * Stores one of each thing that the first version has: a room with settings and an owner, messages, one of them edited and one
 * deleted, a direct message, a ban, and a name that a guest holds.
 */
export async function storeData(t: TestContext, url: string, secret: string): Promise<Data> {
  const tokens = createTokens(secret)
  const tokenOf = (user: string) =>
    tokens.sign({ id: user, name: user }, 24 * 3_600, user === 'mia' ? ['moderator'] : [])
  const ask = async (user: string, method: string, path: string, body?: unknown): Promise<Response> =>
    fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${await tokenOf(user)}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  const settings = { name: room, topic: 'Old things', capacity: 3, access: 'invite' }
  await accepted(await ask(ada, 'POST', '/api/rooms', settings))
  await accepted(await ask('mia', 'POST', '/api/moderation/bans', { user: 'eve' }))

  const writer = await connectChat(t, url, { token: await tokenOf(ada) })
  await writer.join(room)
  const ids: string[] = []
  for (const text of ['kept', 'first', 'deleted']) ids.push((await writer.send(room, text)).id)
  const [kept = '', edited = '', deleted = ''] = ids
  await writer.edit(room, edited, 'second')
  await writer.delete(room, deleted)
  const { id: direct } = await writer.sendTo(bob, 'between us')
  await writer.close()
  const wanted = [
    [kept, 'kept'],
    [edited, 'second'],
    [deleted, ''],
  ]
  const guest = await connectChat(t, url, { name: 'Zoe' })
  const held = guest.user?.id
  await guest.close()
  await until(
    async () => JSON.stringify(await textsOf(ada, room)) === JSON.stringify(wanted),
    60_000,
    'history to have the messages',
  )

  async function textsOf(user: string, room: string): Promise<(readonly [string, string])[]> {
    const answer = await ask(user, 'GET', `/api/rooms/${encodeURIComponent(room)}/messages`)
    const { messages } = (await (await accepted(answer)).json()) as MessagesReply
    return messages.map(({ id, text }) => [id, text] as const)
  }

  return {
    async differences() {
      const found: string[] = []
      const same = (what: string, seen: unknown, wanted: unknown) => {
        const [one, other] = [JSON.stringify(seen), JSON.stringify(wanted)]
        if (one !== other) found.push(`${what}: ${one} in place of ${other}`)
      }
      const answer = await accepted(await ask(ada, 'GET', `/api/rooms/${encodeURIComponent(room)}`))
      const { name, topic, capacity, access, createdBy } = (await answer.json()) as RoomReply
      same('the room', { name, topic, capacity, access, createdBy }, { ...settings, createdBy: ada })
      same('its messages', await textsOf(ada, room), wanted)
      same(
        'a stranger in it',
        (await ask(bob, 'GET', `/api/rooms/${encodeURIComponent(room)}/messages`)).ok,
        false,
      )
      same('the direct message', await textsOf(bob, `dm:${ada}:${bob}`), [[direct, 'between us']])
      const banned = await connectChat(t, url, { token: await tokenOf('eve') }).then(
        (client) => client.close().then(() => 'let in'),
        () => 'refused',
      )
      same('the banned user', banned, 'refused')
      // The harness sends the token that the guest got from the first version.
      const back = await connectChat(t, url, { name: 'Zoe' })
      same('the guest who comes back', back.user?.id, held)
      await back.close()
      return found
    },
  }
}

async function accepted(answer: Response): Promise<Response> {
  if (answer.ok) return answer
  throw new Error(`${answer.url} answered ${answer.status}: ${await answer.text()}`)
}
