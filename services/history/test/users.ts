import type { UserRecord } from '@rabble/contract'
import type { AuditEntry, UsersClient } from '@rabble/rooms/client'

/** The part of the rooms service that history asks about users, in memory. */
export interface FakeUsers extends UsersClient {
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
  }
  function check(): void {
    if (fake.down) throw new Error('rooms is down')
  }
  return fake
}
