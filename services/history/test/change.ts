import type { ChatEvent, DeleteEvent, EditEvent, MessageEvent, ReactionEvent } from '@rabble/contract'
import { changed } from '@rabble/contract'
import type { Database } from '@rabble/database'

const change = {
  room: 'general',
  from: { id: 'ada', name: 'Ada' },
  at: '2026-11-22T11:00:00.000Z',
  via: 'gateway-2',
}

/** Makes an edit as a gateway does. Default author: that of `message()`. */
export function edit(id: string, message: string, more: Partial<EditEvent> = {}): EditEvent {
  return { type: 'edit', ...change, id, message, text: `text of ${id}`, ...more }
}

/** Makes a deletion as a gateway does. Default author: that of `message()`. */
export function deletion(id: string, message: string, more: Partial<DeleteEvent> = {}): DeleteEvent {
  return { type: 'delete', ...change, id, message, ...more }
}

/** Makes a reaction as a gateway does: an even revision takes it back. */
export function reaction(id: string, message: string, more: Partial<ReactionEvent> = {}): ReactionEvent {
  const { revision = 1 } = more
  const remove = revision % 2 === 0 ? ({ remove: true } as const) : {}
  return { type: 'reaction', ...change, id, message, emoji: '👍', ...remove, revision, ...more }
}

/** Returns the events of a log without repeats. */
export function firstOf(log: readonly ChatEvent[]): ChatEvent[] {
  const ids = new Set<string>()
  return log.filter(({ id }) => !ids.has(id) && ids.add(id))
}

/** Returns the messages of a log after all changes, in its order. */
export function foldedOf(log: readonly ChatEvent[]): MessageEvent[] {
  const messages = new Map<string, MessageEvent>()
  for (const event of firstOf(log)) {
    if (event.type === 'message') messages.set(event.id, event)
    else {
      const message = messages.get(event.message)
      if (message !== undefined) messages.set(event.message, changed(message, event))
    }
  }
  return [...messages.values()]
}

/** Returns the contents of all tables of history, as one text. */
export async function wholeOf(database: Database): Promise<string> {
  const tables = await database.query<{ name: string }>(
    "select table_name as name from information_schema.tables where table_schema = 'history'",
    [],
  )
  const rows = await Promise.all(
    tables.map(({ name }) =>
      database.query<{ row: string }>(`select all_rows::text as row from history.${name} all_rows`, []),
    ),
  )
  return rows
    .flat()
    .map(({ row }) => row)
    .join('\n')
}
