import type { AnyMeta, Message } from './events.ts'
import { readLines } from './lines.ts'
import type { Requester } from './requester.ts'

export { type Change, findMessageAt, PastMessages } from './past-messages.ts'
export { applyChange } from './reacted.ts'

/** Messages to search, the order of the results, and the position of a page. */
export interface SearchOptions {
  /** Only messages of this room. */
  room?: string
  /** Only messages of the user with this id. */
  from?: string
  /** Only messages at or after this time. */
  since?: string | Date
  /** Only messages before this time. */
  until?: string | Date
  /** Default: `rank`, the best ones first. */
  sort?: 'rank' | 'newest'
  /** Number of results, 1 to 100. Default: 20. */
  limit?: number
  /** Id of the last result of the page before. */
  before?: string
}

/** Message that was found. */
export interface SearchResult<Meta = AnyMeta> {
  message: Message<Meta>
  /** Part of the text around the first match, in pieces. */
  snippet: { text: string; match: boolean }[]
}

/** Finds messages with these words, in all rooms that the user may read or in one. @throws ChatError */
export function searchMessages<Meta = AnyMeta>(
  chat: Requester,
  words: string,
  options: SearchOptions = {},
): Promise<{ results: SearchResult<Meta>[]; hasMore: boolean }> {
  const { since, until, ...others } = options
  return chat.request(['api', 'search'], {
    query: { q: words, ...others, since: timeOf(since), until: timeOf(until) },
  })
}

/**
 * Reads all messages of a room that history has, in order, while they arrive. Leaving the loop ends the request.
 * @throws ChatError, also if the export ends too early: the messages until then are not the whole room
 */
export async function* exportMessages<Meta = AnyMeta>(
  chat: Requester,
  room: string,
  options: { signal?: AbortSignal } = {},
): AsyncGenerator<Message<Meta>, void, undefined> {
  const end = new AbortController()
  const abort = () => end.abort(options.signal?.reason)
  options.signal?.addEventListener('abort', abort)
  try {
    if (options.signal?.aborted) abort()
    const lines = await chat.request(['api', 'rooms', room, 'export'], {
      signal: end.signal,
      read: (response) => readLines(response),
    })
    for await (const line of lines) yield JSON.parse(line) as Message<Meta>
  } finally {
    options.signal?.removeEventListener('abort', abort)
    end.abort()
  }
}

function timeOf(time: string | Date | undefined): string | undefined {
  return time instanceof Date ? time.toISOString() : time
}
