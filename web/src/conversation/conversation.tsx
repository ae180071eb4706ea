import { useSignal } from '@preact/signals'
import type { Room } from '@rabble/client'
import type { JSX } from 'preact'
import { PresenceLine } from '../people/presence.tsx'
import { AboutRoom } from '../rooms/about-room.tsx'
import { CopyLinkIcon } from '../rooms/copy-link.tsx'
import { InviteButton } from '../rooms/invite.tsx'
import { past } from '../search/past.ts'
import { PastMessages } from '../search/past-messages.tsx'
import { PageHead } from '../shell/page-head.tsx'
import { infoOf } from '../state/room-info.ts'
import { current, isStranger, peerOf, titleOf } from '../state/rooms.ts'
import { drawer } from '../state/route.ts'
import { changes, sentence } from '../state/session.ts'
import { errorText } from '../texts/error-text.ts'
import { t } from '../texts/texts.ts'
import { IconButton } from '../ui/button.tsx'
import { Dialog } from '../ui/dialog.tsx'
import { medium, narrow } from '../ui/media.ts'
import { deleting, quietly, write } from './actions.ts'
import { Composer } from './composer.tsx'
import { Messages } from './messages.tsx'
import { Picking } from './picking.tsx'
import { beginning, shown } from './shown.ts'
import { Toast } from './toast.tsx'
import { Typing } from './typing.tsx'

/** A room, or a conversation of direct messages. */
export function Conversation(): JSX.Element {
  changes.value
  const room = current.value
  if (room === undefined) return <section class="conversation" />
  const direct = peerOf(room.name) !== undefined
  return (
    <section class="conversation">
      <PageHead title={<bdi>{titleOf(room.name)}</bdi>} note={noteOf(room)}>
        {medium.value && (
          <IconButton
            icon="people"
            label={t.common.people}
            aria-haspopup="dialog"
            onClick={() => {
              drawer.value = 'people'
            }}
          />
        )}
        {!direct && <InviteButton key={room.name} room={room.name} />}
        {!direct && !narrow.value && <CopyLinkIcon room={room.name} />}
        <AboutRoom key={room.name} room={room} />
      </PageHead>
      <Entry room={room} />
      {isStranger(room) && (
        <p class="notice" role="status">
          {t.conversation.stranger(<bdi>{peerOf(room.name)}</bdi>)}
        </p>
      )}
      {past.value?.room === room.name ? (
        <PastMessages key={past.value.id} room={room} id={past.value.id} />
      ) : (
        <Messages key={room.name} room={room} />
      )}
      <Typing />
      <Composer key={room.name} room={room} />
      <Deletion />
      <Picking />
      <Toast />
    </section>
  )
}

/** Returns what stands below the title: whether the other user is here, or about the room. */
function noteOf(room: Room): JSX.Element | undefined {
  const peer = peerOf(room.name)
  if (peer !== undefined) return <PresenceLine user={peer} otherwise={t.common.directMessages} />
  return room.status === 'joined' ? <About room={room} /> : undefined
}

/** Number of people in a room, and its topic. */
function About({ room }: { room: Room }): JSX.Element {
  changes.value
  const topic = infoOf(room.name)?.topic ?? ''
  return (
    <>
      <span>{t.rooms.seats(room.count, room.capacity)}</span>
      {topic !== '' && (
        <>
          {' · '}
          <bdi class="topic" title={topic}>
            {topic}
          </bdi>
        </>
      )}
    </>
  )
}

/** Reason why the user is not in the room. */
function Entry({ room }: { room: Room }): JSX.Element | null {
  changes.value
  const { state } = room
  if (!('reason' in state) || state.reason === undefined || state.code === 'closed') return null
  return (
    <div class="notice" role="alert">
      <p>
        {t.conversation.notIn(<bdi>{titleOf(room.name)}</bdi>, sentence(errorText(state)))}
        {state.status === 'joining' && ` ${t.common.tryingAgain}`}
      </p>
      {state.status === 'left' && (
        <button type="button" onClick={() => quietly(room.join())}>
          {t.common.tryAgain}
        </button>
      )}
    </div>
  )
}

function Deletion(): JSX.Element | null {
  const problem = useSignal('')
  const what = deleting.value
  if (what === undefined) return null
  const close = () => {
    problem.value = ''
    deleting.value = undefined
  }
  return (
    <Dialog title={t.conversation.deleteTitle} onClose={close}>
      <blockquote class="text cut" dir="auto">
        {beginning(shown(what.message.text), 500)}
      </blockquote>
      <p class="quiet">{t.conversation.deleteHint}</p>
      <p class="problem small" role="alert">
        {problem.value}
      </p>
      <div class="dialog-buttons">
        <button type="button" onClick={close}>
          {t.common.cancel}
        </button>
        <button
          type="button"
          class="danger"
          onClick={() => {
            const why = write(what.room, () => what.room.delete(what.message.id))
            if (why === undefined) close()
            else problem.value = why
          }}
        >
          {t.common.delete}
        </button>
      </div>
    </Dialog>
  )
}
