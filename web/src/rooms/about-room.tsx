import { useSignal } from '@preact/signals'
import type { Chat, Room } from '@rabble/client'
import { changeRoom, deleteRoom, getRoom } from '@rabble/client/rooms'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { GoToDate } from '../search/go-to-date.tsx'
import { infoOf, learnRoom } from '../state/room-info.ts'
import { peerOf, titleOf } from '../state/rooms.ts'
import { hashOf } from '../state/route.ts'
import { chat, me, problemOf } from '../state/session.ts'
import { t } from '../texts/texts.ts'
import { IconButton } from '../ui/button.tsx'
import { Dialog } from '../ui/dialog.tsx'
import { Icon } from '../ui/icons.tsx'
import { CopyLink } from './copy-link.tsx'
import { Invite } from './invite.tsx'
import { LeaveRoom } from './leave-room.tsx'
import { Mute } from './mute.tsx'
import { RoomFields, readFields } from './room-fields.tsx'

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

function About({ room, onClose }: { room: Room; onClose(): void }): JSX.Element {
  const direct = peerOf(room.name) !== undefined
  return (
    <Dialog title={titleOf(room.name)} onClose={onClose}>
      {!direct && <Settings room={room} onClose={onClose} />}
      <p>
        <a class="with-icon" href={hashOf({ view: 'search', query: '', room: room.name })} onClick={onClose}>
          <Icon name="search" size={18} />
          {t.rooms.searchHere}
        </a>
      </p>
      <GoToDate room={room} onDone={onClose} />
      <Mute room={room.name} />
      {!direct && (
        <div class="buttons">
          <CopyLink room={room.name} onClose={onClose} />
          <LeaveRoom room={room.name} onLeave={onClose} />
        </div>
      )}
    </Dialog>
  )
}

function Settings({ room, onClose }: { room: Room; onClose(): void }): JSX.Element {
  const problem = useSignal('')
  const said = useSignal('')
  const asked = useSignal(false)
  const { name } = room
  const attempt = async (what: (own: Chat) => Promise<void>) => {
    const own = chat.peek()
    if (own === undefined) return
    problem.value = ''
    said.value = ''
    try {
      await what(own)
    } catch (error) {
      problem.value = problemOf(error)
    }
  }
  const read = async (own: Chat) => {
    learnRoom(await getRoom(own, name))
  }
  useEffect(() => void attempt(read), [name])
  const submit = (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault()
    const data = new FormData(event.currentTarget)
    void attempt(async (own) => {
      learnRoom(await changeRoom(own, name, readFields(data)))
      said.value = t.rooms.saved
    })
  }
  const remove = () =>
    attempt(async (own) => {
      await deleteRoom(own, name)
      onClose()
    })

  const value = infoOf(name)
  const own = value?.createdBy !== undefined && value.createdBy === me.value?.id
  return (
    <section class="dialog-form">
      {value === undefined && problem.value === '' && <p class="quiet">{t.common.loading}</p>}
      {value !== undefined && !own && (
        <p dir="auto" class={value.topic === '' ? 'quiet' : ''}>
          {value.topic === '' ? t.rooms.noTopic : value.topic}
        </p>
      )}
      {value !== undefined && !own && (
        <p class="quiet small">
          {value.access === 'invite' ? t.rooms.forInvited : t.rooms.open}
          {value.capacity !== undefined && ` ${t.rooms.upTo(value.capacity)}`}
        </p>
      )}
      {value !== undefined && own && (
        <form autocomplete="off" class="dialog-form" noValidate onSubmit={submit}>
          <RoomFields topic={value.topic} access={value.access} capacity={value.capacity ?? null} />
          <div class="dialog-buttons">
            <button
              type="button"
              class="danger"
              onClick={() => {
                if (asked.value) void remove()
                asked.value = true
              }}
            >
              {asked.value ? t.rooms.deleteForAll : t.rooms.deleteRoom}
            </button>
            <button type="submit" class="primary">
              {t.common.save}
            </button>
          </div>
        </form>
      )}
      {value !== undefined && own && value.access === 'invite' && <Invite room={name} />}
      <p class="problem" role="alert">
        {problem.value}
      </p>
      <p class="quiet" role="status">
        {said.value}
      </p>
    </section>
  )
}
