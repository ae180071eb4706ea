import type { Timer } from '@rabble/clock'
import type { User } from '@rabble/contract'
import type { LiveRoom, Typists } from './room-host.ts'

/** Time (ms) for which a user counts as typing. Clients repeat it every 3 s. */
const typingFor = 5_000
/** Maximum number of users in the list. */
const most = 100

/** Users who are typing. Each is removed after a while without news. */
export class Typing implements Typists {
  readonly #room: LiveRoom
  readonly #typists = new Map<string, { user: User; timer: Timer }>()

  constructor(room: LiveRoom) {
    this.#room = room
  }

  started(user: User): void {
    const { id } = user
    const known = this.#typists.get(id)
    if (known === undefined && this.#typists.size === most) return
    known?.timer.cancel()
    const timer = this.#room.host.clock.setTimeout(() => this.stopped([id]), typingFor)
    this.#typists.set(id, { user, timer })
    if (known === undefined) this.#tell()
  }

  /** Removes users; default: all. */
  stopped(ids: Iterable<string> = this.#typists.keys()): void {
    const before = this.#typists.size
    for (const id of ids) {
      this.#typists.get(id)?.timer.cancel()
      this.#typists.delete(id)
    }
    if (this.#typists.size < before) this.#tell()
  }

  #tell(): void {
    const users = [...this.#typists.values()].map(({ user }) => user)
    this.#room.typing = users
    this.#room.tell({ type: 'typing', users })
    this.#room.changed()
  }
}
