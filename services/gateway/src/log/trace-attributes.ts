import type { ChatEvent } from '@rabble/contract'

/** Returns what the span of a message says of it: its id and type, but neither its room nor its sender. */
export function traceAttributes({ id, type }: ChatEvent, operation: 'send' | 'process') {
  return {
    'messaging.system': 'rabble',
    'messaging.operation.type': operation,
    'messaging.message.id': id,
    'rabble.event.type': type,
  }
}
