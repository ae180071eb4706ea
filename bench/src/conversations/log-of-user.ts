import { directRoom, type MessageEvent, type PersonalEvent } from '@rabble/contract'
import type { EventLog } from '@rabble/event-log'

/** A conversation as its user's list must show it. */
export interface Listed {
  room: string
  unread: number
  mentions: number
}

/** Maximum number of events that wait for their confirm. */
const together = 1_000
/** Of so many conversations one is with another user, and of so many rooms one mentions the user. */
const directEach = 10
const mentionEach = 7

/**
 * Publishes the conversations of a user: the memberships of rooms, and one to three unread messages in each conversation. The times of
 * conversations have nothing to do with their order in the log. Returns the list that follows, the conversation with the newest message first.
 */
export async function publishConversations(
  log: Pick<EventLog, 'publish'>,
  user: string,
  { count, random }: { count: number; random: () => number },
): Promise<{ list: Listed[]; messages: number }> {
  const written: (Listed & { at: string })[] = []
  const waiting: Promise<void>[] = []
  const publish = async (event: MessageEvent | PersonalEvent) => {
    waiting.push(log.publish(event))
    if (waiting.length >= together) await Promise.all(waiting.splice(0))
  }
  let messages = 0
  for (let n = 0; n < count; n++) {
    const isDirect = n % directEach === 0
    const room = isDirect ? directRoom(user, `peer-${n}`) : `of ${user} ${n}`
    const from = { id: `peer-${n}`, name: `Peer ${n}` }
    const begun = Date.UTC(2026, 0, 1) + Math.floor(random() * 1e10)
    const event = (what: string) => ({ id: `${what} ${n} of ${user}`, room, via: 'bench' })
    const begin = '2025-12-31T00:00:00.000Z'
    if (!isDirect) {
      await publish({ ...event('membership'), type: 'membership', user, member: true, at: begin })
    }
    const unread = 1 + (n % 3)
    const mentions = !isDirect && n % mentionEach === 0 ? 1 : 0
    let at = ''
    for (let one = 0; one < unread; one++) {
      at = new Date(begun + one * 1_000).toISOString()
      const named = one < mentions ? { mentions: [user] } : {}
      await publish({ ...event(`m${one}`), type: 'message', from, text: `${one} in ${room}`, at, ...named })
    }
    messages += unread
    written.push({ room, unread, mentions, at })
  }
  await Promise.all(waiting)
  const keyOf = ({ at, room }: (typeof written)[number]) => `${at} ${room}`
  const list = written
    .sort((one, other) => (keyOf(one) < keyOf(other) ? 1 : -1))
    .map(({ room, unread, mentions }) => ({ room, unread, mentions }))
  return { list, messages }
}
