import type { Ref } from '@rabble/contract'
import { toJson } from '../frame-json.ts'

/** Fields of frames that may come as arguments of their own, in this order. */
const positional: Readonly<Record<string, readonly string[]>> = {
  join: ['room', 'after'],
  leave: ['room'],
  send: ['room', 'text', 'cid'],
  edit: ['room', 'id', 'text', 'cid'],
  delete: ['room', 'id'],
  react: ['room', 'id', 'emoji'],
  signal: ['room', 'name', 'data'],
  typing: ['room'],
  members: ['room'],
  read: ['room', 'upTo'],
  mute: ['room', 'muted'],
  refresh: ['token'],
}

/**
 * Returns an event of a client as a native frame, which the gateway has yet to check. An event is named like the type of the frame.
 * Its arguments are one object with the fields, or the fields in order. `message` sends a text to the lobby. `ref`: id of the
 * acknowledgement that waits.
 */
export function frameOf(
  event: unknown,
  args: readonly unknown[],
  lobby: string,
  ref: Ref | undefined,
): string {
  const [first] = args
  if (event === 'message') {
    const fields = isObject(first) ? first : { text: first, cid: args[1] }
    return toJson({ ...fields, room: lobby, type: 'send' }, ref)
  }
  const names = Object.hasOwn(positional, String(event)) ? positional[String(event)] : undefined
  const fields = isObject(first)
    ? first
    : Object.fromEntries((names ?? []).map((name, n) => [name, args[n] ?? undefined]))
  return toJson({ ...fields, type: event }, ref)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
