import type { ChatEvent, DeleteEvent, EditEvent, MessageEvent, User } from '@rabble/contract'
import type { Test } from 'tap'
import type { HistoryClient } from '../client.ts'

/** A history, empty at first. */
export interface HistoryFixture {
  client: HistoryClient
  /** Appends events to the log. Resolves to their offset, once history has stored them. */
  store(...events: ChatEvent[]): Promise<number>
}

/** Makes a fixture for one test. */
export type MakeFixture = (t: Test) => Promise<HistoryFixture>

export const room = 'general'
export const ada: User = { id: 'ada', name: 'Ada' }
export const bob: User = { id: 'bob', name: 'Bob' }
/** Time of all changes. */
export const later = '2026-11-22T11:00:00.000Z'

/** A message by Ada in the room, with a text that is not ASCII. */
export function message(id: string, more: Partial<MessageEvent> = {}): MessageEvent {
  return {
    type: 'message',
    room,
    id,
    cid: `cid-${id}`,
    from: ada,
    text: `Grüße 👋 \ud800 ${id}`,
    at: '2026-11-22T10:00:00.000Z',
    via: 'gateway-1',
    ...more,
  }
}

/** An edit by Ada. */
export function edit(id: string, message: string, more: Partial<EditEvent> = {}): EditEvent {
  return {
    type: 'edit',
    room,
    id,
    message,
    from: ada,
    text: `ändert ${id}`,
    at: later,
    via: 'gateway-2',
    ...more,
  }
}

/** A deletion by Ada. */
export function deletion(id: string, message: string, more: Partial<DeleteEvent> = {}): DeleteEvent {
  return { type: 'delete', room, id, message, from: ada, at: later, via: 'gateway-2', ...more }
}
