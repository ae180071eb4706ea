import type { ConversationState } from '@rabble/contract'
import { type ChatClient, connectChat, type TestContext, until } from '@rabble/harness'

export const hall = 'hall'
/** Number of clients that say hello at once. */
const atOnce = 50
const timeout = 60_000

/** Members of one room who follow their conversations, spread over the gateways. */
export interface Members {
  clients: readonly ChatClient[]
  /** Number of connections that were closed, by whichever side. */
  readonly lost: number
  /** Waits until each member was told this of the room. @throws Error that says of how many it is not true */
  told(expected: Partial<ConversationState>): Promise<void>
}

export async function startMembers(
  t: TestContext,
  gateways: readonly string[],
  count: number,
): Promise<Members> {
  const clients: ChatClient[] = []
  let lost = 0
  for (let begin = 0; begin < count; begin += atOnce) {
    const numbers = Array.from({ length: Math.min(atOnce, count - begin) }, (_, n) => begin + n)
    const connected = await Promise.all(
      numbers.map(async (n) => {
        const url = gateways[n % gateways.length] ?? ''
        const client = await connectChat(t, url, { name: `member ${n}`, timeout })
        void client.closed.then(() => lost++)
        await client.join(hall, { recent: 0 })
        await until(() => isMember(client), timeout, 'the membership')
        return client
      }),
    )
    clients.push(...connected)
  }
  return {
    clients,
    get lost() {
      return lost
    },
    async told(expected) {
      const others = () => clients.filter((client) => !matches(newest(client), expected))
      await until(() => others().length === 0, timeout, JSON.stringify(expected)).catch((error) => {
        const [first] = others()
        const shown = first === undefined ? '' : `, such as ${JSON.stringify(newest(first))}`
        throw new Error(`${(error as Error).message}; ${others().length} know something else${shown}`)
      })
    },
  }
}

/** Whether history has stored the membership, which nobody acknowledges. */
async function isMember(client: ChatClient): Promise<boolean> {
  const { conversations } = await client.request({ type: 'watch', limit: 1 })
  return conversations.length > 0
}

/** Returns the newest state of the room that a client was told as a whole. */
function newest({ frames }: ChatClient): ConversationState | undefined {
  const frame = frames.findLast(({ type }) => type === 'conversation')
  return frame?.type === 'conversation' ? frame.conversation : undefined
}

function matches(state: ConversationState | undefined, expected: Partial<ConversationState>): boolean {
  return Object.entries(expected).every(([key, value]) => state?.[key as keyof ConversationState] === value)
}
