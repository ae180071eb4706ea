import { RoomEntry } from './room-entry.ts'
import { pick, same } from './same.ts'
import type {
  HistoryOptions,
  HistoryPage,
  MemberList,
  Message,
  Pending,
  Room,
  RoomSnapshot,
  SendOptions,
  Sent,
} from './types.ts'

const typingEvery = 3_000

/** Handle of a room: its state, and what the user does in it. */
export class RoomClient extends RoomEntry implements Room {
  #pending: readonly Pending[] = []
  #typedAt = Number.NaN
  #loading: Promise<number> | undefined

  /** Whether the chat must keep the handle. */
  override get isUsed(): boolean {
    return this.isWanted || super.isUsed || this.isRead
  }

  get messages(): readonly Message[] {
    return this.timeline.messages
  }

  get hasOlder(): boolean {
    return this.timeline.hasOlder
  }

  get count(): number {
    return this.members.count
  }

  get pending(): readonly Pending[] {
    this.#pending = same(
      this.#pending,
      this.host.outbox.pending.filter(({ room }) => room === this.name),
    )
    return this.#pending
  }

  protected override look(): RoomSnapshot {
    return pick(this, 'state', 'messages', 'hasOlder', 'count', 'capacity', 'members', 'typing', 'pending')
  }

  send(text: string, options?: SendOptions): Promise<Sent> {
    this.#typedAt = Number.NaN
    return this.host.write(this.name, { ...options, type: 'send', text })
  }

  edit(id: string, text: string): Promise<Sent> {
    return this.host.write(this.name, { type: 'edit', text, message: id })
  }

  delete(id: string): Promise<Sent> {
    return this.host.write(this.name, { type: 'delete', text: '', message: id })
  }

  keystroke(): void {
    const now = this.host.clock.monotonic()
    if (now - this.#typedAt < typingEvery || this.status !== 'joined') return
    this.#typedAt = now
    this.host.connection.tell({ type: 'typing', room: this.name })
  }

  async fetchMembers(): Promise<MemberList> {
    const { users, count } = await this.host.connection.request({ type: 'members', room: this.name })
    return { users, count, complete: users.length === count }
  }

  history(query: HistoryOptions = {}): Promise<HistoryPage> {
    return this.host.request(['api', 'rooms', this.name, 'messages'], { query })
  }

  loadOlder(limit = 50): Promise<number> {
    this.#loading ??= this.host
      .load()
      .then(({ loadOlder }) => loadOlder(this, limit))
      .finally(() => {
        this.#loading = undefined
      })
    return this.#loading
  }

  trim(keep: number): void {
    this.timeline.trim(keep)
    this.changed()
  }
}
