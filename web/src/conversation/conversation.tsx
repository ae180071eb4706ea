import { useSignal } from '@preact/signals'
import type { Room } from '@rabble/client'
import type { JSX } from 'preact'
import { AboutRoom } from '../rooms/about-room.tsx'
import { seats } from '../rooms/all-rooms.tsx'
import { CopyLinkIcon } from '../rooms/copy-link.tsx'
import { InviteButton } from '../rooms/invite.tsx'
import { past } from '../search/past.ts'
import { PastMessages } from '../search/past-messages.tsx'
import { PageHead } from '../shell/page-head.tsx'
import { infoOf } from '../state/room-info.ts'
import { current, isStranger, peerOf, titleOf } from '../state/rooms.ts'
import { drawer } from '../state/route.ts'
import { changes, sentence } from '../state/session.ts'
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
      <PageHead
        title={<bdi>{titleOf(room.name)}</bdi>}
        note={direct ? 'Direct messages' : room.status === 'joined' ? <About room={room} /> : undefined}
      >
        {medium.value && (
          <IconButton
            icon="people"
            label="People"
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
          Nobody with the id <bdi>{peerOf(room.name)}</bdi> has been seen here. Your messages wait until this
          user comes.
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

/** Number of people in a room, and its topic. */
function About({ room }: { room: Room }): JSX.Element {
  changes.value
  const topic = infoOf(room.name)?.topic ?? ''
  return (
    <>
      <span>{seats(room.count, room.capacity)}</span>
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
        You are not in <bdi>{titleOf(room.name)}</bdi>: {sentence(state.reason)}
        {state.status === 'joining' && ' Trying again…'}
      </p>
      {state.status === 'left' && (
        <button type="button" onClick={() => quietly(room.join())}>
          Try again
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
    <Dialog title="Delete this message?" onClose={close}>
      <blockquote class="text cut" dir="auto">
        {beginning(shown(what.message.text), 500)}
      </blockquote>
      <p class="quiet">It will be deleted for everyone. This can’t be undone.</p>
      <p class="problem small" role="alert">
        {problem.value}
      </p>
      <div class="dialog-buttons">
        <button type="button" onClick={close}>
          Cancel
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
          Delete
        </button>
      </div>
    </Dialog>
  )
}
