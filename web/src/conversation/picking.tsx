import { useSignal, useSignalEffect } from '@preact/signals'
import type { ComponentType, JSX } from 'preact'
import { current } from '../state/rooms.ts'
import { me } from '../state/session.ts'
import { picking, reactionProblem, toggle } from './reacting.ts'

type Picker = ComponentType<{ button: HTMLElement; onPick(sign: string): void; onClose(): void }>

/** The picker of reactions, which is loaded when it is first used, and the reason why a reaction failed. */
export function Picking(): JSX.Element {
  const picker = useSignal<{ Picker: Picker } | undefined>(undefined)
  useSignalEffect(() => {
    if (picking.value === undefined || picker.peek() !== undefined) return
    const { room } = picking.value
    import('../emoji/picker.tsx').then(
      ({ Picker }) => {
        picker.value = { Picker }
      },
      () => {
        picking.value = undefined
        reactionProblem.value = { room: room.name, text: 'The emoji could not be loaded. Try again.' }
      },
    )
  })
  const { Picker } = picker.value ?? {}
  const wanted = picking.value
  const problem = reactionProblem.value
  const text = problem !== undefined && problem.room === current.value?.name ? problem.text : ''
  return (
    <>
      {wanted !== undefined && Picker !== undefined && (
        <Picker
          button={wanted.button}
          onPick={(sign) => {
            const message = wanted.room.messages.find(({ id }) => id === wanted.message.id) ?? wanted.message
            void toggle(wanted.room, message, sign, me.peek()?.id)
          }}
          onClose={() => {
            picking.value = undefined
          }}
        />
      )}
      <p class={`toast reaction-problem ${text === '' ? 'gone' : ''}`} role="status">
        {text}
      </p>
    </>
  )
}
