import { useSignal } from '@preact/signals'
import type { Member } from '@rabble/client'
import type { JSX } from 'preact'
import { moderating } from '../moderation/open.ts'
import { nameOf } from '../state/names.ts'
import { people } from '../state/people.ts'
import { mayModerate } from '../state/roles.ts'
import { current, peerOf } from '../state/rooms.ts'
import { hashOf } from '../state/route.ts'
import { changes, me } from '../state/session.ts'
import { isolated } from '../texts/isolated.ts'
import { t } from '../texts/texts.ts'
import { Avatar } from '../ui/avatar.tsx'
import { IconButton } from '../ui/button.tsx'
import { Icon } from '../ui/icons.tsx'
import { folded } from '../ui/matching.ts'
import { PersonAvatar, PresenceNote } from './presence.tsx'

/** Maximum number of names in the list. The filter finds the others. */
const most = 200

/** Role of a user in the room, if it has one: the server knows roles of users who are there. */
function Role({ of: { role } }: { of: Member }): JSX.Element | null {
  return role === undefined ? null : <span class="role">{` ${t.people.roles[role]}`}</span>
}

/** List of the users in the room. */
export function People(): JSX.Element {
  changes.value
  const filter = useSignal('')
  const room = current.value
  const peer = room && peerOf(room.name)
  const own = me.value
  if (room === undefined || room.status === 'left') return <div class="people" />
  const listed: readonly Member[] =
    peer === undefined
      ? people.value
      : [own, { id: peer, name: nameOf(peer) }].filter((user) => user !== undefined)
  const wanted = folded(filter.value.trim())
  const users = listed.filter(({ name }) => folded(name).includes(wanted))
  const count = peer === undefined ? room.count : 2
  const moderates = peer === undefined && mayModerate(room.name)
  return (
    <div class="people">
      <h2>{peer === undefined ? t.people.here(count, room.capacity) : t.people.between}</h2>
      {listed.length > 12 && (
        <div class="filter">
          <Icon name="search" size={18} />
          <label class="unseen" for="find-person">
            {t.people.find}
          </label>
          <input
            id="find-person"
            type="search"
            spellcheck={false}
            placeholder={t.people.find}
            onInput={(event) => {
              filter.value = event.currentTarget.value
            }}
          />
        </div>
      )}
      <ul id="people-list">
        {users.slice(0, most).map((user) => (
          <li key={user.id}>
            {user.id === own?.id ? (
              <span class="person">
                <Avatar user={user} small />
                <bdi class="name">{user.name}</bdi>
                <Role of={user} />
                <span class="quiet small">{t.common.you}</span>
              </span>
            ) : (
              <span class="person-row">
                <a class="person" href={hashOf({ view: 'direct', user: user.id })} title={t.people.write}>
                  <PersonAvatar user={user} />
                  <bdi class="name">{user.name}</bdi>
                  <Role of={user} />
                  <PresenceNote user={user.id} />
                </a>
                {moderates && (
                  <IconButton
                    icon="shield"
                    label={t.moderation.moderate(isolated(user.name))}
                    aria-haspopup="dialog"
                    onClick={() => {
                      moderating.value = { user, room: room.name }
                    }}
                  />
                )}
              </span>
            )}
          </li>
        ))}
      </ul>
      {wanted === '' && count > Math.min(users.length, most) && (
        <p class="quiet small">{t.people.more(count - Math.min(users.length, most))}</p>
      )}
    </div>
  )
}
