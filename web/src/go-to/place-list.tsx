import { useComputed, useSignal, useSignalEffect } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useLayoutEffect } from 'preact/hooks'
import { creating } from '../rooms/creating.ts'
import { useRoomSearch } from '../rooms/room-search.ts'
import { listed } from '../rooms/sidebar-list.ts'
import { UnreadBadge } from '../rooms/unread-badge.tsx'
import { conversations } from '../state/conversations.ts'
import { findKnown } from '../state/names.ts'
import { unreadOf } from '../state/reading.ts'
import { current, peerOf, routeTo, titleOf } from '../state/rooms.ts'
import { drawer, go, type Route } from '../state/route.ts'
import { changes } from '../state/session.ts'
import { t } from '../texts/texts.ts'
import { Avatar } from '../ui/avatar.tsx'
import { Icon } from '../ui/icons.tsx'
import { moved, Option } from '../ui/options.tsx'
import { type Box, placesId } from './box.ts'
import { isThere, type Known, keyOf, type Place, placesFor } from './places.ts'

/** Number of rooms for which the server is asked, and of letters that it takes. */
const limit = 10
const maxLetters = 64

/** List of the places to which the words in the box may lead. */
export function PlaceList({ box, onClose }: { box: Box; onClose(): void }): JSX.Element {
  changes.value
  const words = useComputed(() => box.text.value.trim().replace(/\s+/g, ' '))
  const search = useRoomSearch(
    useComputed(() => ({
      q: [...words.value].slice(0, maxLetters).join(''),
      sort: 'users' as const,
      limit,
    })),
  )
  /** Key of the active place. It stays active when the rest of the list changes. */
  const chosen = useSignal<string | undefined>(undefined)
  useSignalEffect(() => {
    words.value
    chosen.value = undefined
  })
  const places = placesFor({
    words: words.value,
    conversations: knownConversations(),
    current: current.value?.name,
    rooms: search.page.value?.rooms ?? [],
    isSearching: search.busy.value,
    people: words.value === '' ? [] : findKnown(words.value),
  })
  const keys = places.map(keyOf)
  // The rooms that the server is about to find are before all but the conversations.
  const first = search.busy.value && places[0]?.type !== 'conversation' ? -1 : 0
  const found = chosen.value === undefined ? -1 : keys.indexOf(chosen.value)
  const active = found === -1 ? first : found

  const take = (place: Place) => {
    box.due.value = false
    onClose()
    drawer.value = undefined
    lead(place)
  }
  useLayoutEffect(() => {
    chosen.value = keys[active]
    box.active.value = active === -1 ? undefined : idOf(active)
    box.press = (event) => {
      const next = moved(event, active, places.length)
      if (next === undefined) return
      event.preventDefault()
      box.due.value = false
      chosen.value = keys[next]
    }
    box.enter = () => {
      const place = places[active]
      if (place === undefined) box.due.value = true
      else take(place)
    }
    if (box.due.peek()) box.enter()
  })
  useEffect(() => {
    document.getElementById(idOf(active))?.scrollIntoView({ block: 'nearest' })
  }, [keys[active]])

  const groups: { title: string; items: { place: Place; index: number }[] }[] = []
  for (const [index, place] of places.entries()) {
    const title = kindOf(place)
    if (groups.at(-1)?.title !== title) groups.push({ title, items: [] })
    groups.at(-1)?.items.push({ place, index })
  }
  const count = places.filter(isThere).length
  return (
    <>
      <div id={placesId} class="places" role="listbox" aria-label={t.goTo.places}>
        {groups.map(({ title, items }) => (
          // biome-ignore lint/a11y/useSemanticElements: a fieldset can't stand in a list box
          <div key={title} role="group" aria-label={title}>
            <p class="places-title" aria-hidden="true">
              {title}
            </p>
            {items.map(({ place, index }) => (
              <Option
                key={keyOf(place)}
                id={idOf(index)}
                active={index === active}
                onTake={() => take(place)}
              >
                <Content place={place} />
              </Option>
            ))}
          </div>
        ))}
      </div>
      <p class="problem small" role="alert">
        {search.problem.value}
      </p>
      <p class="unseen" role="status">
        {!search.busy.value && (count === 0 ? t.goTo.nothing : t.goTo.found(count))}
      </p>
    </>
  )
}

/** Returns the title above a place and those of its kind. */
function kindOf({ type }: Place): string {
  const kinds = {
    conversation: t.goTo.conversations,
    room: t.common.rooms,
    person: t.common.people,
    create: t.goTo.more,
    search: t.goTo.more,
  }
  return kinds[type]
}

function idOf(index: number): string {
  return `place-${index}`
}

/** Returns the conversations, the one with the newest message first, after those that only this tab knows yet. */
function knownConversations(): Known[] {
  const order = new Map(conversations.value?.conversations.map(({ room }, index) => [room, index]))
  const { rooms, direct } = listed.value
  return [...rooms, ...direct]
    .sort((a, b) => (order.get(a.room) ?? -1) - (order.get(b.room) ?? -1))
    .map(({ room }) => {
      const { messages, mentions } = unreadOf(room)
      return { room, title: titleOf(room), peer: peerOf(room), unread: messages + mentions > 0 }
    })
}

function lead(place: Place): void {
  if (place.type === 'create') creating.value = place.name
  else go(routeOf(place))
}

function routeOf(place: Exclude<Place, { type: 'create' }>): Route {
  switch (place.type) {
    case 'conversation':
      return routeTo(place.known.room)
    case 'room':
      return { view: 'room', room: place.info.name }
    case 'person':
      return { view: 'direct', user: place.user.id }
    case 'search':
      return { view: 'search', query: place.words }
    default:
      return place satisfies never
  }
}

function Content({ place }: { place: Place }): JSX.Element {
  switch (place.type) {
    case 'conversation': {
      const { room, title, peer } = place.known
      return (
        <>
          {peer === undefined ? <Icon name="hash" /> : <Avatar user={{ id: peer, name: title }} small />}
          <bdi class="room-name">{title}</bdi>
          <UnreadBadge {...unreadOf(room)} />
        </>
      )
    }
    case 'room': {
      const { name, topic, access, count, capacity } = place.info
      return (
        <>
          <Icon name={access === 'invite' ? 'lock' : 'hash'} />
          <bdi class="room-name">{name}</bdi>
          {topic !== '' && (
            <span class="quiet small topic" dir="auto">
              {topic}
            </span>
          )}
          <span class="seats">{t.rooms.seats(count, capacity)}</span>
        </>
      )
    }
    case 'person':
      return (
        <>
          <Avatar user={place.user} small />
          <bdi class="room-name">{place.user.name}</bdi>
          <span class="quiet small">{t.goTo.directMessage}</span>
        </>
      )
    case 'create':
      return (
        <>
          <Icon name="plus" />
          <span class="room-name">{t.goTo.create(<bdi>{place.name}</bdi>)}</span>
        </>
      )
    case 'search':
      return (
        <>
          <Icon name="search" />
          <span class="room-name">
            {place.words === '' ? t.goTo.search : t.goTo.searchFor(<bdi>{place.words}</bdi>)}
          </span>
        </>
      )
    default:
      return place satisfies never
  }
}
