import { useSignal, useSignalEffect } from '@preact/signals'
import type { JSX } from 'preact'
import { beginning, shown } from '../conversation/shown.ts'
import { current } from '../state/rooms.ts'
import { me } from '../state/session.ts'

/** Collected for so long, so that a busy room doesn't talk without end. */
const every = 1_500
const most = 3
/** Then it is read, and gone: what is read again is the list. */
const stays = 4_000

/** Reads new messages of the room that is shown to screen readers: the list itself changes with scrolling, and is silent. */
export function Announcer(): JSX.Element {
  const words = useSignal('')
  useSignalEffect(() => {
    const room = current.value
    let timer: ReturnType<typeof setTimeout> | undefined
    let last: ReturnType<typeof setTimeout> | undefined
    let news: string[] = []
    const off = room?.on('message', ({ message, replayed }) => {
      if (replayed || message.from.id === me.peek()?.id) return
      news.push(`\u2068${message.from.name}\u2069: ${beginning(shown(message.text), 500)}`)
      timer ??= setTimeout(() => {
        timer = undefined
        words.value = news.length > most ? `${news.length} new messages` : news.join('\n')
        news = []
        clearTimeout(last)
        last = setTimeout(() => {
          words.value = ''
        }, stays)
      }, every)
    })
    return () => {
      clearTimeout(timer)
      clearTimeout(last)
      words.value = ''
      off?.()
    }
  })
  return (
    <p class="unseen" aria-live="polite" aria-atomic="true">
      {words.value}
    </p>
  )
}
