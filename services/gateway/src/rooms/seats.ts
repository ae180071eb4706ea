import type { Clock, Timer } from '@rabble/clock'
import { Deferred } from '@rabble/clock/deferred'
import { RabbleError, type User } from '@rabble/contract'
import type { Refusal, RoomsClient, Seat, SeatRelease, SeatRequest } from '@rabble/rooms/client'
import type { Metrics } from '../metrics.ts'
import type { Lease } from './lease.ts'
import { createPlaces, isWanted, type Place } from './places.ts'
import { createSpacing } from './spacing.ts'

/** Maximum number of seats that one call takes and releases. */
const batchSize = 1_000
/** Maximum number of joins that wait for a seat. */
const maxWaiting = 20_000
/** Time (ms) that a join waits for a seat. */
const timeout = 5_000
/** Pause (ms) before a seat is requested again that the service could not give. */
const pause = 1_000

/** A place that a join got. Release it once the session is in the room, or the join has failed. */
export interface Claim {
  capacity?: number
  /** @throws RabbleError with the reason if the place was revoked */
  check(): void
  release(): void
}

/**
 * Seats of users in rooms through this gateway, and what the rooms service knows of them. The wanted state is known here: a
 * user's first session in a room takes a seat, and the last one gives it back. After a failed call or a lost lease, the service
 * is brought to the wanted state again.
 */
export interface Seats {
  /**
   * Waits for a seat. Resolves without one if the service is down and the room is for everybody.
   * @throws RabbleError with the reason if there is no seat
   */
  claim(room: string, user: User, from: { moderator: boolean; network: string }): Promise<Claim>
  /** Notes that the user's first session is in the room. Call it between `claim` and `release`. */
  seated(room: string, user: User): void
  /** Notes whether a user in a room is a moderator now. */
  moderates(room: string, user: string, moderator: boolean): void
  /** Makes the pending claims of a user fail with `why`. */
  revoke(room: string, user: string, why: RabbleError): void
  /** Notes that the user's last session has left the room. */
  left(room: string, user: User): void
  /** Whether a user is in the room, or about to be. */
  concern(room: string): boolean
  /** Whether a user is in a room that belongs to them. False while the service has not said so yet. */
  owns(room: string, user: string): boolean
  /** Queues all wanted seats again, under a new lease. */
  forget(): void
  /** Makes the calls that wait: the service answers. */
  resume(): void
  /** Ends all waiting: the service is down. Joins of rooms for everybody go on without a seat, others fail. */
  failPending(): void
  /** Returns the number of seats that the service knows of, and of those that it has yet to be told of. */
  count(): { held: number; owed: number }
  /** Stops all calls. */
  close(): void
}

export function createSeats(options: {
  rooms: Pick<RoomsClient, 'seats'>
  gateway: string
  lease: Pick<Lease, 'held' | 'down' | 'use'>
  /** Whether a room has rules, and whether a user may be in it with one session only. */
  restricted: (room: string) => boolean
  single: (room: string) => boolean
  /** Called with the number of users that a room has now. */
  counted: (room: string, seat: Seat) => void
  /** Called when a room has no users here any more. */
  roomEmpty: (room: string) => void
  /** Called when a member may not stay in a room. */
  refused: (room: string, user: User, refusal: Refusal) => void
  clock: Clock
  metrics: Metrics
}): Seats {
  const { rooms, gateway, lease, restricted, single, counted, roomEmpty, refused, clock, metrics } = options
  const places = createPlaces(roomEmpty)
  /** Places whose state at the service may differ from the wanted one, in the order of asking. */
  let due = new Set<Place>()
  let asking = false
  let closed = false
  let waiting = 0
  let postponed: Place[] = []
  let retry: Timer | undefined
  const spacing = createSpacing(clock, pump)

  /** Asks the service for the wanted state, if its own is another one. */
  function update(place: Place): void {
    const wanted = isWanted(place)
    if (wanted ? isOwed(place) : place.known !== 'free') {
      due.add(place)
      pump()
    } else if (!wanted) places.drop(place)
  }

  function pump(): void {
    if (asking || closed || spacing.waits || !lease.held || due.size === 0) return
    const take: SeatRequest[] = []
    const give: SeatRelease[] = []
    const taking: Place[] = []
    const giving: Place[] = []
    for (const place of due) {
      if (taking.length + giving.length === batchSize) break
      due.delete(place)
      const { room, user, network } = place
      const wanted = isWanted(place)
      if (wanted && isOwed(place)) {
        place.toldModerator = place.moderator
        take.push({ room, user, network, ...(place.moderator && { moderator: true }) })
        taking.push(place)
      } else if (!wanted && place.known !== 'free') {
        give.push({ room, user: user.id })
        giving.push(place)
      } else if (!wanted) places.drop(place)
    }
    if (taking.length + giving.length === 0) return
    // The state is unknown until the answer. A place whose wanted state changes meanwhile is due again.
    for (const place of taking) place.known = 'unknown'
    for (const place of giving) place.known = 'unknown'
    metrics.seatBatch.observe(taking.length + giving.length)
    asking = true
    spacing.began(taking.length + giving.length)
    lease
      .use('seats', () => rooms.seats(gateway, { take, give }))
      .then(
        (answers) => {
          asking = false
          // After the end of a lease, `forget` follows.
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
        place.owner = answer.owner === true
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
    // The refused claims release themselves. A member leaves the room, which drops the place.
    if (place.seated) refused(place.room, place.user, refusal)
    if (!isWanted(place)) places.drop(place)
  }

  /** Asks again after a while. */
  function later(place: Place): void {
    postponed.push(place)
    retry ??= clock.setTimeout(() => {
      retry = undefined
      const again = postponed
      postponed = []
      for (const one of again) if (places.find(one.room, one.user.id) === one) update(one)
    }, pause)
  }

  function settle(place: Place, outcome: Seat | RabbleError | undefined): void {
    for (const join of place.waiting) {
      if (outcome instanceof RabbleError) join.reject(outcome)
      else join.resolve(outcome)
    }
  }

  /** Returns the error of a join that gets no seat; undefined for a room for everybody, where the seat is owed. */
  function withoutSeat(place: Place): RabbleError | undefined {
    return restricted(place.room) ? unavailable() : undefined
  }

  /** Settles all joins that wait. */
  function dismiss(): void {
    for (const place of places) if (place.waiting.length > 0) settle(place, withoutSeat(place))
  }

  async function wait(place: Place): Promise<Seat | undefined> {
    const join = new Deferred<Seat | undefined>()
    // A slow service may know of a rule that is not known here yet. Only a service that is down is bypassed.
    const timer = clock.setTimeout(() => join.reject(unavailable()), timeout)
    place.waiting.push(join)
    waiting++
    try {
      return await join.promise
    } finally {
      place.waiting = place.waiting.filter((other) => other !== join)
      waiting--
      timer.cancel()
    }
  }

  async function take(place: Place): Promise<Seat | undefined> {
    if (place.known === 'held') return undefined
    if (closed || waiting >= maxWaiting)
      throw new RabbleError('unavailable', 'too many users wait for a seat')
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
      const place = places.of(room, user)
      if (isWanted(place) && single(room)) {
        throw new RabbleError('already-joined', 'a user may be in this room with one session only')
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
      const place = places.of(room, user)
      place.seated = true
      update(place)
    },
    moderates(room, user, moderator) {
      const place = places.find(room, user)
      if (place === undefined) return
      place.moderator = moderator
      update(place)
    },
    revoke(room, user, why) {
      const place = places.find(room, user)
      if (place !== undefined) place.revoked = why
    },
    left(room, user) {
      const place = places.find(room, user.id)
      if (place === undefined) return
      place.seated = false
      update(place)
    },
    concern: (room) => places.has(room),
    owns: (room, user) => places.find(room, user)?.owner === true,
    forget() {
      due = new Set()
      for (const place of places) {
        place.known = 'free'
        if (isWanted(place)) due.add(place)
        else places.drop(place)
      }
    },
    resume: pump,
    failPending: dismiss,
    count() {
      let held = 0
      let owed = due.size
      for (const { known } of places) if (known === 'held') held++
      if (asking) owed++
      return { held, owed }
    },
    close() {
      closed = true
      retry?.cancel()
      spacing.close()
      dismiss()
    },
  }
}

/** Whether the service does not know a wanted seat, or not as it is. */
function isOwed({ known, moderator, toldModerator }: Place): boolean {
  return known !== 'held' || moderator !== toldModerator
}

function unavailable(): RabbleError {
  return new RabbleError('unavailable', 'the seats of the room can not be checked right now', {
    retryAfter: 1000,
  })
}
