import { signal } from '@preact/signals'
import type { Message, Room } from '@rabble/client'
import { onSignOut, problemOf } from '../state/session.ts'
import { t } from '../texts/texts.ts'
import { toast } from './toast.tsx'

/** Message to which the user picks a reaction, and the button that asked for it. */
export const picking = signal<{ room: Room; message: Message; button: HTMLElement } | undefined>(undefined)
/** Reactions that are on their way: id of the message → emoji → whether the user takes it back. */
export const underway = signal<ReadonlyMap<string, ReadonlyMap<string, boolean>>>(new Map())

/** Time (ms) to wait for the event of an acknowledged reaction. A repeat has no event. */
const eventWithin = 2_000

let user = 0
onSignOut(() => {
  user++
  picking.value = undefined
  underway.value = new Map()
})

/** Whether the user has reacted to a message with this emoji, as far as its list tells. */
export function hasReacted({ reactions }: Message, emoji: string, me: string | undefined): boolean {
  return me !== undefined && reactions?.find((one) => one.emoji === emoji)?.users.includes(me) === true
}

/** Reacts to a message, or takes that back. While the reaction is on its way, a further click has no effect. */
export async function toggle(
  room: Room,
  message: Message,
  emoji: string,
  me: string | undefined,
): Promise<void> {
  const { id } = message
  if (underway.peek().get(id)?.has(emoji)) return
  const remove = hasReacted(message, emoji, me)
  const mine = user
  let heard = () => {}
  const event = new Promise<void>((resolve) => {
    heard = resolve
  })
  const off = room.on('reaction', ({ change }) => {
    if (change.message === id && change.emoji === emoji && change.from.id === me) heard()
  })
  mark(id, emoji, remove)
  try {
    const { react } = await import('@rabble/client/reactions')
    await react(room, id, emoji, { remove })
    await Promise.race([event, new Promise((resolve) => setTimeout(resolve, eventWithin))])
  } catch (error) {
    if (mine === user) toast(t.conversation.reactionFailed(problemOf(error)))
  }
  off()
  if (mine === user) mark(id, emoji, undefined)
}

/** Sets what is on its way; undefined: nothing any more. */
function mark(id: string, emoji: string, remove: boolean | undefined): void {
  const all = new Map(underway.peek())
  const one = new Map(all.get(id))
  if (remove === undefined) one.delete(emoji)
  else one.set(emoji, remove)
  if (one.size === 0) all.delete(id)
  else all.set(id, one)
  underway.value = all
}
