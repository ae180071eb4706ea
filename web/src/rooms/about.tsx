import { useSignal } from '@preact/signals'
import type { Chat, Room } from '@rabble/client'
import { changeRoom, deleteRoom, getRoom } from '@rabble/client/rooms'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { GoToDate } from '../search/go-to-date.tsx'
import { useAttempt } from '../state/attempt.ts'
import { infoOf, learnRoom } from '../state/room-info.ts'
import { peerOf, titleOf } from '../state/rooms.ts'
import { hashOf } from '../state/route.ts'
import { me } from '../state/session.ts'
import { t } from '../texts/texts.ts'
import { Dialog } from '../ui/dialog.tsx'
import { Icon } from '../ui/icons.tsx'
import { CopyLink } from './copy-link.tsx'
import { Invite } from './invite.tsx'
import { LeaveRoom } from './leave-room.tsx'
import { Mute } from './mute.tsx'
import { RoomFields, readFields } from './room-fields.tsx'

export interface AboutProps {
  room: Room
  onClose(): void
}

/** Dialog about a room or a direct conversation. */
export function About({ room, onClose }: AboutProps): JSX.Element {
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

function Settings({ room, onClose }: AboutProps): JSX.Element {
  const { busy, problem, run } = useAttempt()
  const said = useSignal('')
  const asked = useSignal(false)
  const { name } = room
  const read = async (chat: Chat) => learnRoom(await getRoom(chat, name))
  useEffect(() => void run(read), [name])
  const submit = async (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault()
    const data = new FormData(event.currentTarget)
    said.value = ''
    if (await run(async (chat) => learnRoom(await changeRoom(chat, name, readFields(data)))))
      said.value = t.rooms.saved
  }
  const remove = async () => {
    if (await run((chat) => deleteRoom(chat, name))) onClose()
  }

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
        <form autocomplete="off" class="dialog-form" noValidate onSubmit={(event) => void submit(event)}>
          <RoomFields {...value} capacity={value.capacity ?? null} />
          <div class="dialog-buttons">
            <button
              type="button"
              class="danger"
              disabled={busy.value}
              onClick={() => {
                if (asked.value) void remove()
                asked.value = true
              }}
            >
              {asked.value ? t.rooms.deleteForAll : t.rooms.deleteRoom}
            </button>
            <button type="submit" class="primary" disabled={busy.value}>
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
