import type { EventsReply } from '@rabble/contract'
import type { ChatError } from '../errors.ts'
import { type Requests, waitAfter } from './requests.ts'
import type { EventsGap, EventsOptions, ServerEvent } from './types.ts'

/** Seconds that the server waits for events before it answers without any. Proxies give up after a minute. */
const seconds = 25

/**
 * Yields events page by page. There is no queue besides the page: while the reader is busy nothing is requested, so the server
 * keeps what comes meanwhile.
 */
export async function* eventsOf(
  requests: Requests,
  { after, from = 'now', rooms, direct = false, buffer = 200, signal, onRetry }: EventsOptions,
): AsyncGenerator<ServerEvent, undefined> {
  const query = new URLSearchParams({ limit: String(buffer) })
  for (const room of rooms ?? []) query.append('room', room)
  if (direct) query.set('direct', 'true')
  let position = after
  let gap: EventsGap | undefined
  let failures = 0
  while (!signal?.aborted) {
    // The position of the first answer comes at once, so that nothing is missed if a later one is lost.
    const wait = position === undefined ? 0 : seconds
    const place: [string, string] = position === undefined ? ['from', from] : ['after', position]
    let page: EventsReply
    try {
      const path = `api/events?${new URLSearchParams([...query, place, ['wait', String(wait)]])}`
      page = await requests.askOnce({ method: 'GET', path, signal, wait: wait * 1000 })
      failures = 0
    } catch (error) {
      if (signal?.aborted) return
      const pause = waitAfter(error, failures++)
      if (pause === undefined) throw error
      onRetry?.(error as ChatError, failures)
      await requests.sleep(pause, signal).catch(() => {})
      continue
    }
    gap ??= page.gap
    for (const item of page.events) {
      if (signal?.aborted) return
      const told = gap
      gap = undefined
      yield { ...item, ...(told !== undefined && { gap: told }) }
    }
    position = page.position
  }
}
