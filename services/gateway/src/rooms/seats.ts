import type { Clock, Timer } from '@rabble/clock'
import { RabbleError, type User } from '@rabble/contract'
import type { Refusal, RoomsClient, Seat, SeatRelease, SeatRequest } from '@rabble/rooms/client'
import type { Metrics } from '../metrics.ts'
import type { Lease } from './lease.ts'

/** Seats that one call takes or gives back. */
const batchSize = 1_000
/** Joins that may wait for a seat at a time. */
const maxWaiting = 20_000
/** How long (ms) a join waits for a seat. */
const timeout = 5_000
/** How long (ms) until a seat is asked for again that the service could not give just then. */
const pause = 1_000

/** A place that a join got; to be released once the session is in the room, or isn't going to be. */
export interface Claim {
  capacity?: number
  /** @throws RabbleError that says why the place is none any more */
  check(): void
  release(): void
}

/**
 * Who sits where through this gateway, and what the rooms service was told of it. What is wanted is known here: a user's
 * first session in a room takes a seat, the last one gives it back, and whatever happens in between (a call that fails, a
 * lease that ends) the two are brought together again.
 */
export interface Seats {
  /**
   * Waits for a seat, or, where the service doesn't answer and the room is for everybody, for nothing.
   * @throws RabbleError that says why there is none
   */
  claim(room: string, user: User, from: { moderator: boolean; network: string }): Promise<Claim>
  /** The user's first session is in the room; to be called between `claim` and `release`. */
  seated(room: string, user: User): void
  /** Whoever has a claim there, and isn't in the room yet, stays out. */
  revoke(room: string, user: string, why: RabbleError): void
  /** The user's last session has left the room. */
  left(room: string, user: User): void
  /** Whether anybody is in the room, or about to be. */
  concern(room: string): boolean
  /** Nothing is taken any more, under a new lease. */
  forget(): void
  /** The service can be asked. */
  resume(): void
  /** The service is down: who waits is told, or let in. */
  failPending(): void
  /** Seats that the service knows of, and those that it doesn't yet or still. */
  count(): { held: number; owed: number }
  /** Asks for nothing more. */
  close(): void
}

/** A user in a room. */
interface Place {
  room: string
  user: User
  seated: boolean
  /** Whether the user may enter rooms without being invited. */
  moderator: boolean
  /** Where the user's last join came from. */
  network: string
  /** Joins that have not come to an end. */
  claims: number
  /** Why those that had begun by then come to nothing. */
  revoked?: RabbleError
  /** What the service knows, as far as is known here. While it is asked, nobody knows. */
  known: 'held' | 'free' | 'unknown'
  waiting: Set<Waiting>
}

interface Waiting {
  settle(outcome: Seat | RabbleError | undefined): void
}

export function createSeats(options: {
  rooms: Pick<RoomsClient, 'seats'>
  gateway: string
  lease: Pick<Lease, 'held' | 'down' | 'use'>
  /** Whether a room isn't for everybody in any number, and whether a user may be in with one session only. */
  restricted: (room: string) => boolean
  single: (room: string) => boolean
  /** How many users a room has by now. */
  counted: (room: string, seat: Seat) => void
  /** Nobody is in the room any more. */
  roomEmpty: (room: string) => void
  /** Somebody who sits in the room may not stay. */
  refused: (room: string, user: User, refusal: Refusal) => void
  clock: Clock
  metrics: Metrics
}): Seats {
  const { rooms, gateway, lease, restricted, single, counted, roomEmpty, refused, clock, metrics } = options
  const places = new Map<string, Map<string, Place>>()
  /** Places of which the service may know something else than is wanted, in the order of asking. */
  let due = new Set<Place>()
  let asking = false
  let closed = false
  let waiting = 0
  let postponed: Place[] = []
  let retry: Timer | undefined

  function placeOf(room: string, user: User): Place {
    const users = places.get(room) ?? new Map<string, Place>()
    places.set(room, users)
    let place = users.get(user.id)
    if (place === undefined) {
      place = {
        room,
        user,
        seated: false,
        moderator: false,
        network: '',
        claims: 0,
        known: 'free',
        waiting: new Set(),
      }
      users.set(user.id, place)
    }
    return place
  }

  function isWanted({ seated, claims }: Place): boolean {
    return seated || claims > 0
  }

  /** Brings together what is wanted and what the service knows. */
  function update(place: Place): void {
    const wanted = isWanted(place)
    if (wanted ? place.known !== 'held' : place.known !== 'free') {
      due.add(place)
      pump()
    } else if (!wanted) drop(place)
  }

  function drop(place: Place): void {
    const { room, user } = place
    const users = places.get(room)
    // A place that was due may be gone already, and another be there of the same user.
    if (users?.get(user.id) !== place) return
    users.delete(user.id)
    if (users.size > 0) return
    places.delete(room)
    roomEmpty(room)
  }

  function pump(): void {
    if (asking || closed || !lease.held || due.size === 0) return
    const take: SeatRequest[] = []
    const give: SeatRelease[] = []
    const taking: Place[] = []
    const giving: Place[] = []
    for (const place of due) {
      if (taking.length + giving.length === batchSize) break
      due.delete(place)
      const { room, user, network } = place
      const wanted = isWanted(place)
      if (wanted && place.known !== 'held') {
        take.push({ room, user, network, ...(place.moderator && { moderator: true }) })
        taking.push(place)
      } else if (!wanted && place.known !== 'free') {
        give.push({ room, user: user.id })
        giving.push(place)
      } else if (!wanted) drop(place)
    }
    if (taking.length + giving.length === 0) return
    // Until the answer nobody knows; who wants something else meanwhile is due again.
    for (const place of taking) place.known = 'unknown'
    for (const place of giving) place.known = 'unknown'
    metrics.seatBatch.observe(taking.length + giving.length)
    asking = true
    lease
      .use('seats', () => rooms.seats(gateway, { take, give }))
      .then(
        (answers) => {
          asking = false
          // An ended lease is seen by `forget`, which follows.
          if (answers !== undefined) answered(taking, giving, answers)
        },
        () => {
          asking = false
          for (const place of [...taking, ...giving]) due.add(place)
        },
      )
      .finally(pump)
  }

  function answered(taking: Place[], giving: Place[], answers: readonly (Seat | Refusal)[]): void {
    for (const [index, place] of taking.entries()) {
      const answer = answers[index]
      if (answer === undefined) due.add(place)
      else if ('refused' in answer) turnedDown(place, answer)
      else {
        place.known = 'held'
        counted(place.room, answer)
        settle(place, answer)
        update(place)
      }
    }
    for (const place of giving) {
      place.known = 'free'
      update(place)
    }
  }

  function turnedDown(place: Place, refusal: Refusal): void {
    place.known = 'free'
    const { refused: code, message, retryAfter } = refusal
    settle(place, new RabbleError(code, message, { ...(retryAfter !== undefined && { retryAfter }) }))
    if (place.seated && (code === 'unavailable' || code === 'rate-limited')) {
      later(place)
      return
    }
    // The claims that were refused end by themselves; who sits there leaves, which ends the place.
    if (place.seated) refused(place.room, place.user, refusal)
    if (!isWanted(place)) drop(place)
  }

  /** Asks again after a while. */
  function later(place: Place): void {
    postponed.push(place)
    retry ??= clock.setTimeout(() => {
      retry = undefined
      const again = postponed
      postponed = []
      for (const one of again) if (places.get(one.room)?.get(one.user.id) === one) update(one)
    }, pause)
  }

  function settle(place: Place, outcome: Seat | RabbleError | undefined): void {
    for (const one of [...place.waiting]) one.settle(outcome)
  }

  /** What becomes of who waits in vain: rooms for everybody can be entered, and the seat is owed. */
  function withoutSeat(place: Place): RabbleError | undefined {
    return restricted(place.room) ? unavailable() : undefined
  }

  /** Nobody waits any longer. */
  function dismiss(): void {
    for (const users of places.values()) {
      for (const place of users.values()) if (place.waiting.size > 0) settle(place, withoutSeat(place))
    }
  }

  function wait(place: Place): Promise<Seat | undefined> {
    return new Promise((resolve, reject) => {
      // A service that is slow may know of a rule that isn't known here yet: only one that is down is done without.
      const timer = clock.setTimeout(() => one.settle(unavailable()), timeout)
      const one: Waiting = {
        settle(outcome) {
          if (!place.waiting.delete(one)) return
          waiting--
          timer.cancel()
          if (outcome instanceof RabbleError) reject(outcome)
          else resolve(outcome)
        },
      }
      place.waiting.add(one)
      waiting++
    })
  }

  async function take(place: Place): Promise<Seat | undefined> {
    if (place.known === 'held') return undefined
    if (closed || waiting >= maxWaiting)
      throw new RabbleError('unavailable', 'too many wait for a seat already')
    if (lease.down) {
      const error = withoutSeat(place)
      if (error !== undefined) throw error
      update(place)
      return undefined
    }
    const seat = wait(place)
    update(place)
    return seat
  }

  return {
    async claim(room, user, { moderator, network }) {
      const place = placeOf(room, user)
      if (isWanted(place) && single(room)) {
        throw new RabbleError('already-joined', 'in this room a user may be with one session only')
      }
      const before = place.revoked
      place.claims++
      place.moderator ||= moderator
      place.network = network
      let held = true
      const release = () => {
        if (!held) return
        held = false
        place.claims--
        update(place)
      }
      try {
        const seat = await take(place)
        const check = () => {
          if (place.revoked !== undefined && place.revoked !== before) throw place.revoked
        }
        return { release, check, ...(seat?.capacity !== undefined && { capacity: seat.capacity }) }
      } catch (error) {
        release()
        throw error
      }
    },
    seated(room, user) {
      const place = placeOf(room, user)
      place.seated = true
      update(place)
    },
    revoke(room, user, why) {
      const place = places.get(room)?.get(user)
      if (place !== undefined) place.revoked = why
    },
    left(room, user) {
      const place = places.get(room)?.get(user.id)
      if (place === undefined) return
      place.seated = false
      update(place)
    },
    concern: (room) => places.has(room),
    forget() {
      due = new Set()
      for (const users of places.values()) {
        for (const place of users.values()) {
          place.known = 'free'
          if (isWanted(place)) due.add(place)
          else drop(place)
        }
      }
    },
    resume: pump,
    failPending: dismiss,
    count() {
      let held = 0
      let owed = due.size
      for (const users of places.values())
        for (const { known } of users.values()) if (known === 'held') held++
      if (asking) owed++
      return { held, owed }
    },
    close() {
      closed = true
      retry?.cancel()
      dismiss()
    },
  }
}

function unavailable(): RabbleError {
  return new RabbleError('unavailable', 'whether there is a seat can not be found out right now', {
    retryAfter: 1000,
  })
}
