import { useComputed, useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { PageHead } from '../shell/page-head.tsx'
import { conversationOf } from '../state/conversations.ts'
import { leave } from '../state/rooms.ts'
import { hashOf } from '../state/route.ts'
import { changes, chat, problemOf } from '../state/session.ts'
import { Icon } from '../ui/icons.tsx'
import { formatNumber } from '../ui/intl.ts'
import { CreateRoom } from './create-room.tsx'
import { useRoomSearch } from './room-search.ts'

/** Page with all rooms that this user may enter. */
export function AllRooms(): JSX.Element {
  changes.value
  const letters = useSignal('')
  const sort = useSignal<'users' | 'name'>('users')
  const { page, problem, load } = useRoomSearch(useComputed(() => ({ q: letters.value, sort: sort.value })))
  const leaveRoom = async (name: string) => {
    try {
      await leave(name)
    } catch (error) {
      problem.value = problemOf(error)
    }
  }
  const mine = new Set(chat.value?.rooms.map(({ name }) => name))
  return (
    <section class="page">
      <PageHead title="All rooms">
        <CreateRoom />
      </PageHead>
      <div class="page-body">
        <div class="tools">
          <div class="filter">
            <Icon name="search" size={18} />
            <label class="unseen" for="find-room">
              Find a room
            </label>
            <input
              id="find-room"
              type="search"
              spellcheck={false}
              placeholder="Find a room by name or topic"
              onInput={(event) => {
                letters.value = event.currentTarget.value
              }}
            />
          </div>
          <label class="choice">
            Sort by
            <select
              value={sort.value}
              onChange={(event) => {
                sort.value = event.currentTarget.value === 'name' ? 'name' : 'users'
              }}
            >
              <option value="users">people</option>
              <option value="name">name</option>
            </select>
          </label>
        </div>
        {problem.value !== '' && (
          <p class="notice" role="alert">
            {problem.value}{' '}
            <button type="button" onClick={() => void load()}>
              Try again
            </button>
          </p>
        )}
        <ul class="cards" aria-label="Rooms">
          {page.value?.rooms.map((info) => {
            return (
              <li key={info.name} class="room-card">
                <a href={hashOf({ view: 'room', room: info.name })} class="room-card-link">
                  <Icon name={info.access === 'invite' ? 'lock' : 'hash'} size={18} />
                  <span class="room-card-words">
                    <bdi class="room-name">{info.name}</bdi>
                    {info.topic !== '' && (
                      <span class="quiet" dir="auto">
                        {info.topic}
                      </span>
                    )}
                  </span>
                  <span class="seats">{seats(info.count, info.capacity)}</span>
                </a>
                {(mine.has(info.name) || conversationOf(info.name) !== undefined) && (
                  <button type="button" onClick={() => void leaveRoom(info.name)}>
                    Leave<span class="unseen"> {info.name}</span>
                  </button>
                )}
              </li>
            )
          })}
        </ul>
        <p class="quiet" role="status">
          {page.value === undefined
            ? 'Loading…'
            : page.value.rooms.length === 0
              ? 'No room has this name.'
              : ''}
        </p>
        {page.value?.next !== undefined && (
          <button type="button" onClick={() => void load(page.value?.next)}>
            More rooms
          </button>
        )}
      </div>
    </section>
  )
}

/** Returns the number of users in a room and its capacity, for people. */
export function seats(count: number, capacity: number | undefined): string {
  const [now, most] = [formatNumber(count), formatNumber(capacity ?? 0)]
  if (capacity === undefined) return count === 0 ? 'nobody here' : `${now} here`
  return count >= capacity ? `full: ${now} of ${most}` : `${now} of ${most} here`
}
