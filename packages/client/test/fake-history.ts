import type { TestContext } from '@rabble/harness'
import type { ConnectOptions, FetchLike } from '../src/index.ts'
import { enter, watch } from './build.ts'
import { type Answer, message, startFakeGateway } from './fake-gateway.ts'

/** Returns history's answer to a query: the ids of messages, or the status of a refusal. */
export type Pages = (query: URLSearchParams) => Page | number
interface Page {
  messages: string[]
  more?: boolean
  gaps?: object[]
}

/** Opens a room with a gateway that behaves as `answer` and a history with `pages`. */
export async function openRoom(
  t: TestContext,
  answer: Answer = () => undefined,
  pages: Pages = () => 404,
  options: ConnectOptions = {},
) {
  const gateway = await startFakeGateway(t, answer)
  const { fetch, asked } = fakeHistory(pages)
  const chat = gateway.connect({ catchUp: 1_500, fetch, ...options })
  const room = enter(chat, 'general')
  return { gateway, clock: gateway.clock, chat, room, events: watch(room), asked }
}

function fakeHistory(pages: Pages): { fetch: FetchLike; asked: string[] } {
  const asked: string[] = []
  const fetch: FetchLike = async (url) => {
    const { pathname, searchParams } = new URL(url)
    asked.push(`${pathname}?${searchParams}`)
    const page = pages(searchParams)
    const status = typeof page === 'number' ? page : 200
    return { ok: status === 200, status, json: async () => (typeof page === 'number' ? no(page) : of(page)) }
  }
  return { fetch, asked }
}

function no(status: number) {
  const code = status === 404 ? 'not-found' : status === 400 ? 'bad-frame' : 'unavailable'
  return { code, message: 'no' }
}

function of({ messages, more = false, gaps }: Page) {
  return {
    messages: messages.map((id) => message('general', id)),
    hasMore: more,
    hasMoreBefore: more,
    hasMoreAfter: more,
    ...(gaps && { gaps }),
  }
}
