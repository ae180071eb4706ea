import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { NewDirect } from '../direct/new-direct.tsx'
import { GoToButton } from '../go-to/go-to-button.tsx'
import { NotificationSettings } from '../notifications/notification-settings.tsx'
import { PersonAvatar, PresenceNote } from '../people/presence.tsx'
import { useAttempt } from '../state/attempt.ts'
import { conversationActions, conversations } from '../state/conversations.ts'
import { type Unread, unreadOf } from '../state/reading.ts'
import { current, peerOf, routeTo, titleOf } from '../state/rooms.ts'
import { drawer, hashOf } from '../state/route.ts'
import { t } from '../texts/texts.ts'
import { IconButton } from '../ui/button.tsx'
import { Icon } from '../ui/icons.tsx'
import { CreateRoom } from './create-room.tsx'
import type { Listed } from './listed.ts'
import { listed } from './sidebar-list.ts'
import { UnreadBadge } from './unread-badge.tsx'

/** List of the rooms and direct conversations of this user, with what is unread. */
export function Sidebar(): JSX.Element {
  const asking = useSignal(false)
  const { rooms, direct } = listed.value
  return (
    <div class="sidebar-body">
      <GoToButton />
      <div class="section-head">
        <h2>{t.common.rooms}</h2>
        <CreateRoom />
        <a
          class="icon-button"
          href={hashOf({ view: 'rooms' })}
          aria-label={t.rooms.allRooms}
          title={t.rooms.allRooms}
        >
          <Icon name="list" />
        </a>
      </div>
      <ul class="room-list">{rooms.map(linkTo)}</ul>
      <div class="section-head">
        <h2>{t.common.directMessages}</h2>
        <IconButton
          icon="plus"
          label={t.direct.newDirect}
          aria-haspopup="dialog"
          onClick={() => {
            asking.value = true
          }}
        />
      </div>
      {direct.length > 0 && <ul class="room-list">{direct.map(linkTo)}</ul>}
      {direct.length === 0 && conversations.value?.hasMore === false && (
        <p class="quiet small">{t.rooms.nobodyYet}</p>
      )}
      <ShowMore />
      <NotificationSettings />
      {asking.value && (
        <NewDirect
          onClose={() => {
            asking.value = false
          }}
        />
      )}
    </div>
  )
}

/** Button that loads further conversations, while the server has more. */
function ShowMore(): JSX.Element | null {
  const { busy, problem, run } = useAttempt()
  if (conversations.value?.hasMore !== true) return null
  const load = () => run(async () => conversationActions()?.loadMore())
  return (
    <>
      <button type="button" class="show-more" disabled={busy.value} onClick={() => void load()}>
        {t.rooms.showMore}
      </button>
      <p class="problem small" role="alert">
        {problem.value}
      </p>
    </>
  )
}

/** Returns the link with all that it shows, since it is drawn again only for other props. */
function linkTo(listed: Listed): JSX.Element {
  const { room } = listed
  const here = current.value?.name === room
  return <RoomLink key={room} {...listed} {...unreadOf(room)} title={titleOf(room)} here={here} />
}

function RoomLink(props: Listed & Unread & { title: string; here: boolean }): JSX.Element {
  const { room, muted, out, messages, mentions, title, here } = props
  const peer = peerOf(room)
  const look = `${messages > 0 || mentions > 0 ? 'unread' : ''} ${muted ? 'muted' : ''} ${out ? 'out' : ''}`
  return (
    <li>
      <a
        class={`room-link ${look}`}
        href={hashOf(routeTo(room))}
        aria-current={here ? 'page' : undefined}
        onClick={() => {
          // Also for a link to the current page, which changes no address.
          drawer.value = undefined
        }}
      >
        {peer === undefined ? (
          <Icon name="hash" size={18} />
        ) : (
          <PersonAvatar user={{ id: peer, name: title }} />
        )}
        <bdi class="room-name">{title}</bdi>
        {peer !== undefined && <PresenceNote user={peer} />}
        {out && <Icon name="alert" size={18} label={t.rooms.notIn} />}
        {muted && <Icon name="muted" size={18} label={t.rooms.muted} />}
        <UnreadBadge messages={messages} mentions={mentions} />
      </a>
    </li>
  )
}
