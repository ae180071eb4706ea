import type { MessageEvent, MessagesReply } from '@rabble/contract'

/** Returns all messages of a room in history, in its order. `url` is the address of Nginx. */
export async function storedIn(url: string, room: string): Promise<MessageEvent[]> {
  const messages: MessageEvent[] = []
  for (let before = ''; ; ) {
    const response = await fetch(`${url}/api/rooms/${room}/messages?limit=200${before}`)
    if (!response.ok) throw new Error(`history answered ${response.status}`)
    const page = (await response.json()) as MessagesReply
    messages.unshift(...page.messages)
    const first = page.messages[0]
    if (first === undefined || !page.hasMoreBefore) return messages
    before = `&before=${encodeURIComponent(first.id)}`
  }
}
