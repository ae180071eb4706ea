import { useSignal, useSignalEffect } from '@preact/signals'
import type { ComponentType, JSX } from 'preact'
import { me } from '../state/session.ts'
import { t } from '../texts/texts.ts'
import { picking, toggle } from './reacting.ts'
import { toast } from './toast.tsx'

type Picker = ComponentType<{ button: HTMLElement; onPick(sign: string): void; onClose(): void }>

/** The picker of reactions, which is loaded when it is first used. */
export function Picking(): JSX.Element | null {
  const picker = useSignal<{ Picker: Picker } | undefined>(undefined)
  useSignalEffect(() => {
    if (picking.value === undefined || picker.peek() !== undefined) return
    import('../emoji/picker.tsx').then(
      ({ Picker }) => {
        picker.value = { Picker }
      },
      () => {
        picking.value = undefined
        toast(t.conversation.emojiFailed)
      },
    )
  })
  const { Picker } = picker.value ?? {}
  const wanted = picking.value
  if (wanted === undefined || Picker === undefined) return null
  return (
    <Picker
      // A picker that was closed tells so a moment later. A request meanwhile gets another picker.
      key={wanted}
      button={wanted.button}
      onPick={(sign) => {
        const message = wanted.room.messages.find(({ id }) => id === wanted.message.id) ?? wanted.message
        void toggle(wanted.room, message, sign, me.peek()?.id)
      }}
      onClose={() => {
        if (picking.peek() === wanted) picking.value = undefined
      }}
    />
  )
}
