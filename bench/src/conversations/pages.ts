import { isDeepStrictEqual } from 'node:util'
import type { ConversationsReply } from '@rabble/contract'
import type { Listed } from './log-of-user.ts'

/** Number of conversations of a page: the most that may be asked for. */
export const pageSize = 200

/** Reads a user's whole list page by page over HTTP. Returns it, and the time (ms) of each page. */
export async function readAll(history: string, token: string): Promise<{ list: Listed[]; times: number[] }> {
  const list: Listed[] = []
  const times: number[] = []
  for (let after = ''; ; ) {
    const begin = performance.now()
    const reply = await fetch(`${history}/api/conversations?limit=${pageSize}${after}`, {
      headers: { authorization: `Bearer ${token}` },
    })
    if (!reply.ok) throw new Error(`history answered ${reply.status}: ${await reply.text()}`)
    const { conversations, next } = (await reply.json()) as ConversationsReply
    times.push(performance.now() - begin)
    list.push(...conversations.map(({ room, unread, mentions }) => ({ room, unread, mentions })))
    if (next === undefined) return { list, times }
    after = `&after=${encodeURIComponent(next)}`
  }
}

/** Compares a list with the expected one. @throws Error that names the first difference */
export function assertSame(found: readonly Listed[], expected: readonly Listed[]): void {
  const distinct = new Set(found.map(({ room }) => room)).size
  if (distinct !== found.length) throw new Error(`${found.length - distinct} conversations came twice`)
  if (found.length !== expected.length) throw new Error(`${found.length} in place of ${expected.length}`)
  const place = found.findIndex((one, n) => !isDeepStrictEqual(one, expected[n]))
  if (place === -1) return
  const [got, wanted] = [found[place], expected[place]].map((one) => JSON.stringify(one))
  throw new Error(`conversation ${place} is ${got} in place of ${wanted}`)
}
