import type { User } from '@rabble/client'
import type { RoomInfo } from '@rabble/client/rooms'
import { fitOf, folded } from '../ui/matching.ts'

/** Maximum numbers of places of each kind. More letters find the others. */
const maxConversations = 8
const maxRooms = 6
const maxPeople = 6

/** Conversation of the user. */
export interface Known {
  room: string
  /** Its name, or that of the other user. */
  title: string
  /** Other user of a direct conversation. */
  peer: string | undefined
  unread: boolean
}

export type FoundRoom = Pick<RoomInfo, 'name' | 'topic' | 'access' | 'count' | 'capacity'>

/** Place to which the box leads. */
export type Place =
  | { type: 'conversation'; known: Known }
  | { type: 'room'; info: FoundRoom }
  | { type: 'person'; user: User }
  /** Dialog to create a room of this name. */
  | { type: 'create'; name: string }
  /** Search of messages with these words. */
  | { type: 'search'; words: string }

export interface Sources {
  words: string
  /** The user's conversations, the one with the newest message first. */
  conversations: readonly Known[]
  /** Room that is shown now. It is offered only for its letters. */
  current: string | undefined
  /** Rooms that the server found, those of the search before during a search. */
  rooms: readonly FoundRoom[]
  isSearching: boolean
  /** Users whose names have the letters. */
  people: readonly User[]
}

/**
 * Returns the places for the words in the box: conversations, rooms, people, then a room to create and the search of messages. Without
 * words the unread conversations are first. With words those are first that begin with them.
 */
export function placesFor(sources: Sources): Place[] {
  const { words, conversations, current, isSearching, people } = sources
  const letters = folded(words)
  const shown = bestOf(
    conversations,
    ({ title }) => title,
    letters,
    ({ unread }) => unread,
  )
    .filter(({ room }) => words !== '' || room !== current)
    .slice(0, maxConversations)
  const known = new Set(conversations.map(({ room }) => room))
  const peers = new Set(shown.map(({ peer }) => peer))
  const rooms = sources.rooms
    .filter(({ name, topic }) => !known.has(name) && (!isSearching || isIn(letters, `${name} ${topic}`)))
    .sort((one, other) => Number(folded(other.name) === letters) - Number(folded(one.name) === letters))
    .slice(0, maxRooms)
  const others = bestOf(people, ({ name }) => name, letters).filter(({ id }) => !peers.has(id))
  const names = [...known, ...sources.rooms.map(({ name }) => name)]
  const isNew = words !== '' && !isSearching && !names.some((name) => folded(name) === letters)
  return [
    ...shown.map((known): Place => ({ type: 'conversation', known })),
    ...rooms.map((info): Place => ({ type: 'room', info })),
    ...(words === '' ? [] : others.slice(0, maxPeople)).map((user): Place => ({ type: 'person', user })),
    ...(isNew ? [{ type: 'create', name: words.normalize('NFC') } as const] : []),
    { type: 'search', words },
  ]
}

/** Whether a place is there already: not the search, and no room to create. */
export function isThere({ type }: Place): boolean {
  return type !== 'create' && type !== 'search'
}

/** Returns a key by which a place is found again in a later list. */
export function keyOf(place: Place): string {
  switch (place.type) {
    case 'conversation':
      return `conversation ${place.known.room}`
    case 'room':
      return `room ${place.info.name}`
    case 'person':
      return `person ${place.user.id}`
    case 'create':
    case 'search':
      return place.type
    default:
      return place satisfies never
  }
}

/** Returns the items whose names have the letters: those that begin with them first, then those for which `isFirst`, else in their order. */
function bestOf<Item>(
  items: readonly Item[],
  nameOf: (item: Item) => string,
  letters: string,
  isFirst: (item: Item) => boolean = () => false,
): Item[] {
  return items
    .flatMap((item) => {
      const fit = fitOf(nameOf(item), letters)
      return fit === undefined ? [] : [{ item, fit }]
    })
    .sort((a, b) => a.fit - b.fit || Number(isFirst(b.item)) - Number(isFirst(a.item)))
    .map(({ item }) => item)
}

/** Whether each of the words is in a text, as the server compares them. */
function isIn(letters: string, text: string): boolean {
  const whole = folded(text)
  return letters.split(/\s+/).every((word) => whole.includes(word))
}
