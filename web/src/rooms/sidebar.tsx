import { useSignal } from '@preact/signals'
import type { Room } from '@rabble/client'
import type { JSX } from 'preact'
import { badge } from '../conversation/unread.ts'
import { NewDirect } from '../direct/new-direct.tsx'
import { current, peerOf, titleOf, unreadOf } from '../state/rooms.ts'
import { drawer, go, hashOf, route } from '../state/route.ts'
import { changes, chat } from '../state/session.ts'
import { Avatar } from '../ui/avatar.tsx'
import { IconButton } from '../ui/button.tsx'
import { Icon } from '../ui/icons.tsx'
import { CreateRoom } from './create-room.tsx'

/** List of the rooms and direct messages of this user, with unread counts. */
export function Sidebar(): JSX.Element {
  changes.value
  const filter = useSignal('')
  const asking = useSignal(false)
  const rooms = chat.value?.rooms ?? []
  const wanted = filter.value.trim().toLocaleLowerCase()
  const shown = rooms.filter(({ name }) => titleOf(name).toLocaleLowerCase().includes(wanted))
  const direct = shown.filter(({ name }) => name.startsWith('dm:'))
  const others = shown
    .filter(({ name }) => !name.startsWith('dm:'))
    .sort((a, b) => a.name.localeCompare(b.name))
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    const name = filter.value.trim().normalize('NFC')
    if (name === '') return
    const [only] = shown
    filter.value = ''
    if (shown.length === 1 && only !== undefined) location.hash = linkOf(only.name)
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
      {wanted !== '' && !rooms.some(({ name }) => name === filter.value.trim()) && (
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
      <ul class="room-list">
        {others.map((room) => (
          <RoomLink key={room.name} room={room} />
        ))}
      </ul>
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
      {direct.length > 0 && (
        <ul class="room-list">
          {direct.map((room) => (
            <RoomLink key={room.name} room={room} />
          ))}
        </ul>
      )}
      {direct.length === 0 && wanted === '' && (
        <p class="quiet small">Nobody yet. Pick somebody from the people in a room.</p>
      )}
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

function RoomLink({ room }: { room: Room }): JSX.Element {
  changes.value
  const unread = unreadOf(room)
  const peer = peerOf(room.name)
  const title = titleOf(room.name)
  const here = room === current.value && (route.value.view === 'room' || route.value.view === 'direct')
  return (
    <li>
      <a
        class={`room-link ${unread.count > 0 ? 'unread' : ''} ${room.status === 'left' ? 'out' : ''}`}
        href={linkOf(room.name)}
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
        {room.status === 'left' && <Icon name="alert" size={18} label="you are not in it" />}
        {unread.count > 0 && (
          <span class="badge">
            {badge(unread)}
            <span class="unseen"> unread</span>
          </span>
        )}
      </a>
    </li>
  )
}

function linkOf(room: string): string {
  const peer = peerOf(room)
  return hashOf(peer === undefined ? { view: 'room', room } : { view: 'direct', user: peer })
}
