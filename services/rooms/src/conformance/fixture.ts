import type { PresenceSignal, Signal, User } from '@rabble/contract'
import type { Identity } from '@rabble/service'
import type { Test } from 'tap'
import type {
  AuditEntry,
  Refusal,
  RoomRetention,
  RoomsClient,
  Seat,
  SeatRequest,
  UserPolicy,
} from '../api.ts'

/** Settings of a room that gateways must know. Without any, the room has no restrictions. */
export interface RoomRules {
  capacity?: number
  inviteOnly?: true
  single?: true
}

/** Rules of a room, and the id of its owner. */
export interface NewRoom extends RoomRules {
  owner?: string
}

/** A permanent ban or mute. */
export type Restriction = Pick<UserPolicy, 'kind' | 'user' | 'room'>

/** A rooms service, empty at first, in which rooms appear when they are joined (mode `open`). */
export interface RoomsFixture {
  client: Omit<RoomsClient, 'retention' | 'readable' | 'hidden' | 'former'>
  /** Signals to gateways, oldest first. They include the signals that follow from answered calls. */
  readonly signals: readonly Signal[]
  /** Entries that clients have written, oldest first. */
  audited(): Promise<AuditEntry[]>
  /** Returns the identity in a guest's token. @throws RabbleError as `Tokens.verify` */
  verify(token: string): Promise<Identity>
  createRoom(name: string, room: NewRoom): Promise<void>
  deleteRoom(name: string): Promise<void>
  /** Bans or mutes a user. Returns a function that lifts it. */
  restrict(restriction: Restriction): Promise<() => Promise<void>>
  kick(kick: { user: string; room?: string }): Promise<void>
  /** Ends a lease as if it had not been renewed. Resolves once nothing of it is left and gateways have been told. */
  expire(gateway: string): Promise<void>
  /** Forgets what has ended, as happens after a day. Earlier copies of the policies are then too old. */
  forget(): Promise<void>
}

/** The part of a rooms service that history uses, empty at first. */
export interface ReadersFixture {
  client: Pick<RoomsClient, 'retention' | 'readable' | 'hidden'>
  createRoom(name: string, settings: { inviteOnly?: true; retention?: RoomRetention }): Promise<void>
  invite(room: string, user: string): Promise<void>
  /** Bans a user, in a room or everywhere. */
  ban(user: string, room?: string): Promise<void>
}

/** Makes a fixture for one test. */
export type MakeFixture = (t: Test) => Promise<RoomsFixture>
export type MakeReadersFixture = (t: Test) => Promise<ReadersFixture>

/** Maximum time (ms) for effects that follow from a call. */
export const timeout = 60_000

export const [ada, bob, eve, joe] = ['ada', 'bob', 'eve', 'joe'].map(userOf) as [User, User, User, User]

export function userOf(id: string): User {
  return { id, name: id.slice(0, 1).toUpperCase() + id.slice(1) }
}

/** A gateway with a lease. */
export interface TestGateway {
  /** Takes seats in a room, in one batch. @throws Error if the lease has ended */
  take(room: string, ...users: User[]): Promise<(Seat | Refusal)[]>
  /** Takes one seat. */
  takeOne(room: string, user: User, more?: Pick<SeatRequest, 'moderator'>): Promise<Seat | Refusal>
  /** Gives back seats in a room, in one batch. */
  give(room: string, ...users: User[]): Promise<void>
}

export async function gatewayOf(
  { client }: Pick<RoomsFixture, 'client'>,
  gateway: string,
): Promise<TestGateway> {
  async function seats(batch: Parameters<RoomsClient['seats']>[1]): Promise<(Seat | Refusal)[]> {
    const answers = await client.seats(gateway, batch)
    if (answers === undefined) throw new Error(`the lease of ${gateway} has ended`)
    return answers
  }

  await client.renew(gateway, { fresh: true })
  return {
    take: (room, ...users) => seats({ take: users.map((user) => ({ room, user })), give: [] }),
    async takeOne(room, user, more) {
      const [answer] = await seats({ take: [{ room, user, ...more }], give: [] })
      if (answer === undefined) throw new Error('there is no answer')
      return answer
    },
    async give(room, ...users) {
      await seats({ take: [], give: users.map(({ id }) => ({ room, user: id })) })
    },
  }
}

/** Returns the presence signals of a room, oldest first. */
export function presenceOf({ signals }: Pick<RoomsFixture, 'signals'>, room: string): PresenceSignal[] {
  return signals.filter(
    (signal): signal is PresenceSignal => signal.type === 'presence' && signal.room === room,
  )
}

/** Returns the contents of these signals, without their versions. */
export function changesIn(
  fixture: Pick<RoomsFixture, 'signals'>,
  room: string,
): Pick<PresenceSignal, 'joined' | 'left' | 'count'>[] {
  return presenceOf(fixture, room).map(({ joined, left, count }) => ({ joined, left, count }))
}

/** @throws Error if it was refused */
export function seatOf(answer: Seat | Refusal | undefined): Seat {
  if (answer === undefined || 'refused' in answer) throw new Error(`refused: ${JSON.stringify(answer)}`)
  return answer
}

/** Returns the error codes of refusals, and the counts of seats. */
export function outcomesOf(answers: readonly (Seat | Refusal)[]): (string | number)[] {
  return answers.map((answer) => ('refused' in answer ? answer.refused : answer.count))
}

export function isRising(numbers: readonly number[]): boolean {
  return numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? number))
}
