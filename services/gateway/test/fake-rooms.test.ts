import type { Signal } from '@rabble/contract'
import type { Policy } from '@rabble/rooms/client'
import { testRoomsClient } from '@rabble/rooms/conformance'
import { createTokens } from '@rabble/service'
import t from 'tap'
import { secret } from './build.ts'
import { createFakeRooms } from './fake-rooms.ts'

const tokens = createTokens(secret)

t.test('the rooms service of these tests does what the real one does', async (t) => {
  testRoomsClient(t, async () => {
    const signals: Signal[] = []
    const rooms = createFakeRooms({ signal: (signal) => void signals.push(signal) }, tokens)
    let keys = 0
    /** Puts a policy under a new key. Returns the key. */
    function put(policy: Policy): string {
      const key = `${policy.kind}:${++keys}`
      rooms.put(key, policy)
      return key
    }
    return {
      client: rooms,
      signals,
      audited: async () => rooms.audited,
      verify: (token) => tokens.verify(token),
      async createRoom(room, { owner, ...rules }) {
        if (owner !== undefined) rooms.owners.set(room, owner)
        if (Object.keys(rules).length > 0) rooms.put(`room:${room}`, { kind: 'room', room, ...rules })
      },
      deleteRoom: async (room) => rooms.put(`room:${room}`, { kind: 'room', room, deleted: true }),
      async restrict(restriction) {
        const key = put(restriction)
        return async () => rooms.put(key, null)
      },
      kick: async (kick) => void put({ kind: 'kick', id: `${keys}`, message: 'put out', ...kick }),
      expire: async (gateway) => rooms.expire(gateway),
      async forget() {
        rooms.forgetful = true
      },
    }
  })
})
