import { useComputed, useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { PageHead } from '../shell/page-head.tsx'
import { conversationOf } from '../state/conversations.ts'
import { leave } from '../state/rooms.ts'
import { hashOf } from '../state/route.ts'
import { changes, chat, problemOf } from '../state/session.ts'
import { isolated } from '../texts/isolated.ts'
import { t } from '../texts/texts.ts'
import { Icon } from '../ui/icons.tsx'
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
      <PageHead title={t.rooms.allRooms}>
        <CreateRoom />
      </PageHead>
      <div class="page-body">
        <div class="tools">
          <div class="filter">
            <Icon name="search" size={18} />
            <label class="unseen" for="find-room">
              {t.rooms.find}
            </label>
            <input
              id="find-room"
              type="search"
              spellcheck={false}
              placeholder={t.rooms.findHint}
              onInput={(event) => {
                letters.value = event.currentTarget.value
              }}
            />
          </div>
          <label class="choice">
            {t.rooms.sortBy}
            <select
              value={sort.value}
              onChange={(event) => {
                sort.value = event.currentTarget.value === 'name' ? 'name' : 'users'
              }}
            >
              <option value="users">{t.rooms.byPeople}</option>
              <option value="name">{t.rooms.byName}</option>
            </select>
          </label>
        </div>
        {problem.value !== '' && (
          <p class="notice" role="alert">
            {problem.value}{' '}
            <button type="button" onClick={() => void load()}>
              {t.common.tryAgain}
            </button>
          </p>
        )}
        <ul class="cards" aria-label={t.common.rooms}>
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
                  <span class="seats">{t.rooms.seats(info.count, info.capacity)}</span>
                </a>
                {(mine.has(info.name) || conversationOf(info.name) !== undefined) && (
                  <button
                    type="button"
                    aria-label={t.rooms.leaveNamed(isolated(info.name))}
                    onClick={() => void leaveRoom(info.name)}
                  >
                    {t.rooms.leave}
                  </button>
                )}
              </li>
            )
          })}
        </ul>
        <p class="quiet" role="status">
          {page.value === undefined ? t.common.loading : page.value.rooms.length === 0 ? t.rooms.none : ''}
        </p>
        {page.value?.next !== undefined && (
          <button type="button" onClick={() => void load(page.value?.next)}>
            {t.rooms.moreRooms}
          </button>
        )}
      </div>
    </section>
  )
}
