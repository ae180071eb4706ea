import { signal, useComputed } from '@preact/signals'
import type { Message, Room } from '@rabble/client'
import type { JSX } from 'preact'
import { moderating, reporting } from '../moderation/open.ts'
import { isModerator, mayModerate } from '../state/roles.ts'
import { peerOf } from '../state/rooms.ts'
import { t } from '../texts/texts.ts'
import { IconButton } from '../ui/button.tsx'
import { deleting, edit, reply } from './actions.ts'
import { picking } from './reacting.ts'

/** Id of the message that was clicked or reached with the keyboard last. */
const opened = signal<string | undefined>(undefined)

// A narrow window makes room for the actions. With `:focus-within` it would do so between the press of a button in a message and
// its release, and what is under the pointer would move away.
const open = ({ target }: Event) => {
  if (!(target instanceof Element) || target.closest('dialog') !== null) return
  opened.value = target.closest<HTMLElement>('.row[data-id]')?.dataset.id
}
addEventListener('click', open)
addEventListener('focusin', (event) => {
  if (event.target instanceof Element && event.target.matches(':focus-visible')) open(event)
})

/** Actions of a message. The style sheet shows them under the pointer, while the focus is in the row, and once it was clicked. */
export function Toolbar({ room, message, own }: { room: Room; message: Message; own: boolean }): JSX.Element {
  // The focus returns to the button after the picker, so the toolbar must not disappear meanwhile.
  const isOpen = useComputed(() => [picking.value?.message.id, opened.value].includes(message.id)).value
  return (
    <div class={`toolbar ${isOpen ? 'open' : ''}`}>
      <IconButton
        icon="smile"
        label={t.conversation.addReaction}
        data-shortcut="react"
        aria-keyshortcuts="+"
        aria-haspopup="dialog"
        onClick={({ currentTarget }) => {
          picking.value = { room, message, button: currentTarget }
        }}
      />
      <IconButton
        icon="reply"
        label={t.conversation.reply}
        data-shortcut="reply"
        aria-keyshortcuts="R"
        onClick={() => reply(message)}
      />
      {own && (
        <IconButton
          icon="edit"
          label={t.conversation.edit}
          data-shortcut="edit"
          aria-keyshortcuts="E"
          onClick={() => edit(message)}
        />
      )}
      {(own || isModerator.value) && (
        <IconButton
          icon="trash"
          label={t.common.delete}
          data-shortcut="remove"
          aria-keyshortcuts="Delete"
          aria-haspopup="dialog"
          onClick={() => {
            deleting.value = { room, message }
          }}
        />
      )}
      {!own && (
        <IconButton
          icon="flag"
          label={t.moderation.report}
          aria-haspopup="dialog"
          onClick={() => {
            reporting.value = { room: room.name, id: message.id, text: message.text }
          }}
        />
      )}
      {!own && peerOf(room.name) === undefined && mayModerate(room.name) && (
        <IconButton
          icon="shield"
          label={t.moderation.moderateAuthor}
          aria-haspopup="dialog"
          onClick={() => {
            moderating.value = { user: message.from, room: room.name }
          }}
        />
      )}
    </div>
  )
}
