import { useSignal, useSignalEffect } from '@preact/signals'
import type { JSX } from 'preact'
import { beginning, shown } from '../conversation/shown.ts'
import { current } from '../state/rooms.ts'
import { me } from '../state/session.ts'
import { isolated } from '../texts/isolated.ts'
import { t } from '../texts/texts.ts'

/** Interval (ms) of announcements, which collect messages, so that a busy room doesn't speak all the time. */
const every = 1_500
const most = 3
/** Time (ms) after which an announcement is removed. The list has the messages to read again. */
const stays = 4_000

/** Announces new messages of the current room to screen readers. The list is silent, since it changes with scrolling. */
export function Announcer(): JSX.Element {
  const words = useSignal('')
  useSignalEffect(() => {
    const room = current.value
    let timer: ReturnType<typeof setTimeout> | undefined
    let last: ReturnType<typeof setTimeout> | undefined
    let news: string[] = []
    const off = room?.on('message', ({ message, replayed }) => {
      if (replayed || message.from.id === me.peek()?.id) return
      news.push(`${isolated(message.from.name)}: ${beginning(shown(message.text), 500)}`)
      timer ??= setTimeout(() => {
        timer = undefined
        words.value = news.length > most ? t.shell.newMessages(news.length) : news.join('\n')
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
