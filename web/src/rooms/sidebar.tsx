import { computed, useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { NewDirect } from '../direct/new-direct.tsx'
import { NotificationSettings } from '../notifications/notification-settings.tsx'
import { conversationActions, conversations } from '../state/conversations.ts'
import { type Unread, unreadOf } from '../state/reading.ts'
import { current, peerOf, routeTo, titleOf } from '../state/rooms.ts'
import { drawer, go, hashOf } from '../state/route.ts'
import { changes, chat, problemOf } from '../state/session.ts'
import { Avatar } from '../ui/avatar.tsx'
import { IconButton } from '../ui/button.tsx'
import { Icon } from '../ui/icons.tsx'
import { CreateRoom } from './create-room.tsx'
import { type Listed, listedOf } from './listed.ts'
import { UnreadBadge } from './unread-badge.tsx'

/** Rooms of this tab and their states, which change far less often than their messages. */
const joined = computed(() => {
  changes.value
  return JSON.stringify(chat.value?.rooms.map(({ name, status }) => ({ name, status })) ?? [])
})
const listed = computed(() => listedOf(conversations.value?.conversations ?? [], JSON.parse(joined.value)))

/** List of the rooms and direct conversations of this user, with what is unread. */
export function Sidebar(): JSX.Element {
  const filter = useSignal('')
  const asking = useSignal(false)
  const { rooms, direct } = listed.value
  const wanted = filter.value.trim().toLocaleLowerCase()
  const isShown = ({ room }: Listed) => titleOf(room).toLocaleLowerCase().includes(wanted)
  const shownRooms = rooms.filter(isShown)
  const shownDirect = direct.filter(isShown)
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    const name = filter.value.trim().normalize('NFC')
    if (name === '') return
    const shown = [...shownRooms, ...shownDirect]
    const [only] = shown
    filter.value = ''
    if (shown.length === 1 && only !== undefined) go(routeTo(only.room))
    else go({ view: 'room', room: name })
  }
  return (
    <div class="sidebar-body">
      <form class="filter" autocomplete="off" onSubmit={submit}>
        <Icon name="search" size={18} />
        <label class="unseen" for="filter">
          Room
        </label>
        <input
          id="filter"
          type="text"
          value={filter.value}
          spellcheck={false}
          autocapitalize="none"
          enterkeyhint="go"
          placeholder="Find or enter a room"
          onInput={(event) => {
            filter.value = event.currentTarget.value
          }}
        />
      </form>
      {wanted !== '' && !rooms.some(({ room }) => room === filter.value.trim()) && (
        <p class="filter-hint">
          Enter: go into <bdi>{filter.value.trim()}</bdi>
        </p>
      )}
      <div class="section-head">
        <h2>Rooms</h2>
        <CreateRoom />
        <a class="icon-button" href={hashOf({ view: 'rooms' })} aria-label="All rooms" title="All rooms">
          <Icon name="list" />
        </a>
      </div>
      <ul class="room-list">{shownRooms.map(linkTo)}</ul>
      <div class="section-head">
        <h2>Direct messages</h2>
        <IconButton
          icon="plus"
          label="New direct message"
          aria-haspopup="dialog"
          onClick={() => {
            asking.value = true
          }}
        />
      </div>
      {shownDirect.length > 0 && <ul class="room-list">{shownDirect.map(linkTo)}</ul>}
      {direct.length === 0 && wanted === '' && conversations.value?.hasMore === false && (
        <p class="quiet small">Nobody yet. Pick somebody from the people in a room.</p>
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
  const busy = useSignal(false)
  const problem = useSignal('')
  if (conversations.value?.hasMore !== true) return null
  const load = async () => {
    busy.value = true
    problem.value = ''
    try {
      await conversationActions()?.loadMore()
    } catch (error) {
      problem.value = problemOf(error)
    }
    busy.value = false
  }
  return (
    <>
      <button type="button" class="show-more" disabled={busy.value} onClick={() => void load()}>
        Show more
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
          <Avatar user={{ id: peer, name: title }} small />
        )}
        <bdi class="room-name">{title}</bdi>
        {out && <Icon name="alert" size={18} label="you are not in it" />}
        {muted && <Icon name="muted" size={18} label="muted" />}
        <UnreadBadge messages={messages} mentions={mentions} />
      </a>
    </li>
  )
}
