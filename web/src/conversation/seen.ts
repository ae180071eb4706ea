import { computed, effect, signal } from '@preact/signals'
import type { Receipts } from '@rabble/client/receipts'
import { infoOf } from '../state/room-info.ts'
import { current } from '../state/rooms.ts'
import { changes, me } from '../state/session.ts'
import { seenAt } from './seen-at.ts'

/** How far others have read in the current room; undefined while that is not known, or not shown. */
const positions = signal<ReadonlyMap<string, string> | undefined>(undefined)
/** Whether the current room is known not to show it. */
const isOff = computed(() => infoOf(current.value?.name ?? '')?.receipts === false)

/** Ids of those who have read the user's messages in the current room, joined by spaces, by the message at which they are shown. */
export const seen = computed<ReadonlyMap<string, string>>(() => {
  changes.value
  const own = me.value?.id
  const room = current.value
  if (positions.value === undefined || room === undefined || own === undefined) return new Map()
  const all = seenAt(room.messages, positions.value, own)
  return new Map([...all].map(([message, users]) => [message, users.join(' ')]))
})

/** Follows the read positions of the current room. The code for that is loaded with the first room. */
export function startSeen(): void {
  effect(() => {
    const room = current.value
    positions.value = undefined
    if (room === undefined || isOff.value) return undefined
    let receipts: Receipts | undefined
    let isOver = false
    import('@rabble/client/receipts').then(
      ({ followReceipts }) => {
        if (isOver) return
        const own = followReceipts(room)
        receipts = own
        own.subscribe(() => {
          const snapshot = own.getSnapshot()
          positions.value = snapshot.status === 'shown' ? snapshot.positions : undefined
        })
      },
      () => {
        // The next room tries again.
      },
    )
    return () => {
      isOver = true
      receipts?.close()
    }
  })
}
