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

/** Settings of a room that gateways must know. Without any, the room is for everybody in any number. */
export interface RoomRules {
  capacity?: number
  inviteOnly?: true
  single?: true
}

/** A ban or a mute, for good. */
export type Restriction = Pick<UserPolicy, 'kind' | 'user' | 'room'>

/** One rooms service in which rooms appear when they are joined (mode `open`), empty at first. */
export interface RoomsFixture {
  client: Omit<RoomsClient, 'retention' | 'readable' | 'hidden' | 'former'>
  /** Signals to gateways, oldest first. They include those that follow from calls that were answered. */
  readonly signals: readonly Signal[]
  /** Entries that clients have written, oldest first. */
  audited(): Promise<AuditEntry[]>
  /** The identity in a guest's token. @throws RabbleError as `Tokens.verify` */
  verify(token: string): Promise<Identity>
  createRoom(name: string, rules: RoomRules): Promise<void>
  deleteRoom(name: string): Promise<void>
  /** Bans or mutes a user. The result lifts it. */
  restrict(restriction: Restriction): Promise<() => Promise<void>>
  kick(kick: { user: string; room?: string }): Promise<void>
  /** Ends a lease as if nobody had renewed it. Resolves once nothing of it is left and gateways have been told. */
  expire(gateway: string): Promise<void>
  /** Forgets what has ended, as happens after a day: copies of the policies from before are too old then. */
  forget(): Promise<void>
}

/** The part of a rooms service that history asks, empty at first. */
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

/** Milliseconds that what follows from a call may take. */
export const patience = 60_000

export const [ada, bob, eve, joe] = ['ada', 'bob', 'eve', 'joe'].map(userOf) as [User, User, User, User]

export function userOf(id: string): User {
  return { id, name: id.slice(0, 1).toUpperCase() + id.slice(1) }
}

/** One gateway with a lease. */
export interface TestGateway {
  /** Takes seats of a room, in one batch. @throws Error if the lease has ended */
  take(room: string, ...users: User[]): Promise<(Seat | Refusal)[]>
  /** Takes one. */
  takeOne(room: string, user: User, more?: Pick<SeatRequest, 'moderator'>): Promise<Seat | Refusal>
  /** Gives seats of a room back, in one batch. */
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

/** The presence signals of a room, oldest first. */
export function presenceOf({ signals }: Pick<RoomsFixture, 'signals'>, room: string): PresenceSignal[] {
  return signals.filter(
    (signal): signal is PresenceSignal => signal.type === 'presence' && signal.room === room,
  )
}

/** The contents of these signals, without their versions. */
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

/** The error codes of refusals, and the counts of seats. */
export function outcomesOf(answers: readonly (Seat | Refusal)[]): (string | number)[] {
  return answers.map((answer) => ('refused' in answer ? answer.refused : answer.count))
}

export function isRising(numbers: readonly number[]): boolean {
  return numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? number))
}
