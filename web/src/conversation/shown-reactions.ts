import type { Message, Reactions } from '@rabble/client'

/** Reactions with one emoji, as the page shows them. */
interface Shown extends Reactions {
  isMine: boolean
  /** Whether the user's own change of it is on its way. */
  isUnderway: boolean
}

/** Returns the reactions as they are once those on their way have arrived. */
export function shownReactions(
  { reactions = [] }: Pick<Message, 'reactions'>,
  own: ReadonlyMap<string, boolean> | undefined,
  me: string | undefined,
): Shown[] {
  const all = reactions.map(({ emoji, count, users }) => {
    const isMine = me !== undefined && users.includes(me)
    const remove = own?.get(emoji)
    if (remove === undefined || me === undefined || remove !== isMine)
      return { emoji, count, users, isMine, isUnderway: remove !== undefined }
    return {
      emoji,
      count: remove ? count - 1 : count + 1,
      users: remove ? users.filter((id) => id !== me) : [...users, me],
      isMine: !remove,
      isUnderway: true,
    }
  })
  for (const [emoji, remove] of own ?? []) {
    if (me === undefined || remove || all.some((one) => one.emoji === emoji)) continue
    all.push({ emoji, count: 1, users: [me], isMine: true, isUnderway: true })
  }
  return all.filter(({ count }) => count > 0)
}
