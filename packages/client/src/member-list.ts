import type { Timer } from '@rabble/clock'
import type { Member } from '@rabble/contract'
import type { Keeper, LiveRoom } from './room-host.ts'
import type { RoomEvents } from './types.ts'

/** Number of users beyond which presence events of a room are only samples. */
const largeRoom = 100
/** Maximum number of users in the server's answer. */
const maxListed = 1_000
/** Interval (ms) at which a list is requested again that presence events can't keep up to date. */
const askEvery = 8_000

/** Keeps the list of users in a room, from the server's answers and from presence events. */
export class MemberKeeper implements Keeper {
  readonly #room: LiveRoom
  #users = new Map<string, Member>()
  #timer: Timer | undefined
  #asking = false

  constructor(room: LiveRoom) {
    this.#room = room
  }

  /** Asks for the list, such as after the room was entered. */
  async refresh(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#asking || !this.#room.keepsMembers) return
    this.#asking = true
    try {
      const { users, count } = await this.#room.fetchMembers()
      this.#asking = false
      if (!this.#room.keepsMembers) return
      // The answer may be a second older than the events that arrived before it, or newer: then it is requested again.
      const isOther = count !== this.#room.members.count
      this.#users = new Map(users.map((user) => [user.id, user]))
      this.#tell(count, true)
      if (isOther || users.length < Math.min(count, maxListed)) this.#later()
    } catch {
      this.#asking = false
      this.#later()
    }
  }

  presence({ joined, left, count }: Omit<RoomEvents['presence'], 'type'>): void {
    if (!this.#room.keepsMembers) return
    for (const { id } of left) this.#users.delete(id)
    for (const user of joined) if (this.#users.size < maxListed) this.#users.set(user.id, user)
    const isExact = count <= largeRoom && this.#users.size === count
    this.#tell(count, isExact)
    if (!isExact) this.#later()
  }

  #tell(count: number, isExact: boolean): void {
    const users = [...this.#users.values()].sort((a, b) => a.name.localeCompare(b.name))
    this.#room.setMembers({ users, count, complete: isExact && users.length === count })
  }

  #later(): void {
    this.#timer ??= this.#room.host.clock.setTimeout(() => void this.refresh(), askEvery)
    this.#timer.unref()
  }
}
