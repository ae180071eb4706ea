import type { Deferred } from '@rabble/clock/deferred'
import type { RabbleError, User } from '@rabble/contract'
import type { Seat } from '@rabble/rooms/client'

/** A user in a room. */
export interface Place {
  room: string
  user: User
  seated: boolean
  /** Whether the user is a moderator, who may enter rooms without being invited. */
  moderator: boolean
  /** Whether the service has been told that the user is one. */
  toldModerator: boolean
  /** Whether the room belongs to the user, by the last answer of the service. */
  owner: boolean
  /** Network of the user's last join. */
  network: string
  /** Number of joins that have not ended. */
  claims: number
  /** Reason why joins that had begun by then fail. */
  revoked?: RabbleError
  /** State at the service, as far as it is known here. It is unknown during a call. */
  known: 'held' | 'free' | 'unknown'
  /** Joins that wait for the seat. Each gets it, or nothing if the seat is owed. */
  waiting: Deferred<Seat | undefined>[]
}

/** Whether the user is in the room, or about to be. */
export function isWanted({ seated, claims }: Place): boolean {
  return seated || claims > 0
}

/** Places by room and user. */
export interface Places extends Iterable<Place> {
  /** Returns the place of a user in a room, which is created if there is none. */
  of(room: string, user: User): Place
  find(room: string, user: string): Place | undefined
  /** Whether the room has any place. */
  has(room: string): boolean
  drop(place: Place): void
}

/** `roomEmpty` is called when the last place of a room was dropped. */
export function createPlaces(roomEmpty: (room: string) => void): Places {
  const places = new Map<string, Map<string, Place>>()
  return {
    of(room, user) {
      const users = places.get(room) ?? new Map<string, Place>()
      places.set(room, users)
      const place = users.get(user.id) ?? {
        room,
        user,
        seated: false,
        moderator: false,
        toldModerator: false,
        owner: false,
        network: '',
        claims: 0,
        known: 'free',
        waiting: [],
      }
      users.set(user.id, place)
      return place
    },
    find: (room, user) => places.get(room)?.get(user),
    has: (room) => places.has(room),
    drop(place) {
      const { room, user } = place
      const users = places.get(room)
      // The place may have been dropped already, and the same user may have a new one.
      if (users?.get(user.id) !== place) return
      users.delete(user.id)
      if (users.size > 0) return
      places.delete(room)
      roomEmpty(room)
    },
    *[Symbol.iterator]() {
      for (const users of places.values()) yield* users.values()
    },
  }
}
