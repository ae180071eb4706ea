import type { RoomsClient } from '../src/client.ts'
import { type Replica, userOf } from './build.ts'

/** A gateway with a lease. */
export async function gatewayOf(replica: Replica, gateway: string) {
  const client: RoomsClient = replica.client()
  await client.renew(gateway, { fresh: true })
  return {
    client,
    take: async (room: string, ...users: string[]) =>
      client.seats(gateway, { take: users.map((user) => ({ room, user: userOf(user) })), give: [] }),
    give: async (room: string, ...users: string[]) =>
      client.seats(gateway, { take: [], give: users.map((user) => ({ room, user })) }),
    renew: () => client.renew(gateway, { fresh: false }),
    end: () => client.end(gateway),
  }
}
