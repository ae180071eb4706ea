import type { MessageEvent } from '@rabble/contract'

/** A message as a gateway makes it. */
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
