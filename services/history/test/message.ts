import type { MessageEvent } from '@rabble/contract'

/** Makes a message as a gateway does. */
export function message(id: string, more: Partial<MessageEvent> = {}): MessageEvent {
  return {
    type: 'message',
    room: 'general',
    id,
    cid: `cid-${id}`,
    from: { id: 'ada', name: 'Ada' },
    text: `text of ${id}`,
    at: '2026-11-22T10:00:00.000Z',
    via: 'gateway-1',
    ...more,
  }
}
