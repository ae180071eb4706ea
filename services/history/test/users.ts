import type { UserRecord } from '@rabble/contract'
import type { AuditEntry, Erasure, ErasureProgress, UsersClient } from '@rabble/rooms/client'

/** The part of the rooms service that history asks about users, in memory. */
export interface FakeUsers extends UsersClient {
  /** Users to erase. Users who are erased leave the list. */
  due: Erasure[]
  /** Reports by user, summed up. */
  reports: Map<string, ErasureProgress>
  audited: AuditEntry[]
  audit(entries: readonly AuditEntry[]): Promise<void>
  /** While true, every call fails. */
  down: boolean
  /** Whether the record of a user is too large for an answer. */
  tooMuch: boolean
}

export const record: UserRecord = {
  names: ['Ada'],
  sessions: [],
  rooms: ['hers'],
  invitations: [{ room: 'tea', at: '2026-11-22T10:00:00.000Z' }],
  restrictions: [],
}

export function createFakeUsers(): FakeUsers {
  const fake: FakeUsers = {
    due: [],
    reports: new Map(),
    audited: [],
    down: false,
    tooMuch: false,
    async userRecord() {
      check()
      return fake.tooMuch ? undefined : record
    },
    async audit(entries) {
      check()
      fake.audited.push(...entries)
    },
    async erasures() {
      check()
      return [...fake.due]
    },
    async erased(user, { complete, ...progress }) {
      check()
      const { messages = 0, reactions = 0, conversations = 0 } = fake.reports.get(user) ?? {}
      fake.reports.set(user, {
        messages: messages + progress.messages,
        reactions: reactions + progress.reactions,
        conversations: conversations + progress.conversations,
      })
      if (complete) fake.due = fake.due.filter((erasure) => erasure.user !== user)
      return { more: false }
    },
  }
  function check(): void {
    if (fake.down) throw new Error('rooms is down')
  }
  return fake
}
