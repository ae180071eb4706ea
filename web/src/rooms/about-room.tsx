import { useSignal } from '@preact/signals'
import type { Room } from '@rabble/client'
import type { JSX } from 'preact'
import { peerOf } from '../state/rooms.ts'
import { t } from '../texts/texts.ts'
import { IconButton } from '../ui/button.tsx'
import { onDemand } from '../ui/on-demand.tsx'
import type { AboutProps } from './about.tsx'

const About = onDemand<AboutProps>(() => import('./about.tsx').then(({ About }) => About))

/** Button that opens a dialog about a room: its topic, search, a date to go to, what can be done, and for its owner the settings. */
export function AboutRoom({ room }: { room: Room }): JSX.Element {
  const open = useSignal(false)
  const close = () => {
    open.value = false
  }
  return (
    <>
      <IconButton
        icon="info"
        label={peerOf(room.name) === undefined ? t.rooms.about : t.rooms.aboutConversation}
        aria-haspopup="dialog"
        onClick={() => {
          open.value = true
        }}
      />
      {open.value && <About room={room} onClose={close} />}
    </>
  )
}
