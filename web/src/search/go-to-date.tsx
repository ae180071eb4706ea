import { useSignal } from '@preact/signals'
import type { Room } from '@rabble/client'
import { findMessageAt } from '@rabble/client/search'
import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { dayOf } from '../conversation/dates.ts'
import { problemOf } from '../state/session.ts'
import { t } from '../texts/texts.ts'
import { past } from './past.ts'

/** Form to go to the first message of a day, or to the next one after it. */
export function GoToDate({ room, onDone }: { room: Room; onDone(): void }): JSX.Element {
  const said = useSignal('')
  const problem = useSignal('')
  const search = useRef<AbortController>(null)
  useEffect(() => () => search.current?.abort(), [])
  const submit = async (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault()
    const date = String(new FormData(event.currentTarget).get('date'))
    // Without a time zone, the date is in the reader's.
    const from = new Date(`${date}T00:00`)
    problem.value = Number.isNaN(from.getTime()) ? t.search.chooseDay : ''
    if (problem.value !== '') return
    search.current?.abort()
    const own = new AbortController()
    search.current = own
    said.value = t.search.looking
    try {
      const found = await findMessageAt(room, from, {
        signal: own.signal,
        looked({ at }) {
          said.value = t.search.lookingAt(dayOf(at))
        },
      })
      if (own.signal.aborted) return
      if (found === undefined) problem.value = t.search.noneSince
      else {
        past.value = { room: room.name, id: found.id }
        onDone()
      }
    } catch (error) {
      problem.value = problemOf(error)
    }
    said.value = ''
  }
  return (
    <form class="inline-form" noValidate onSubmit={(event) => void submit(event)}>
      <label for="go-to-date">{t.search.goToDate}</label>
      <input id="go-to-date" name="date" type="date" aria-describedby="date-problem" />
      <button type="submit">{t.search.go}</button>
      <p id="date-problem" class="problem small" role="alert">
        {problem.value}
      </p>
      <p class="quiet small" role="status">
        {said.value}
      </p>
    </form>
  )
}
