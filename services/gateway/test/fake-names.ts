import type { User } from '@rabble/contract'
import type { NameClaim, Refusal } from '@rabble/rooms/client'

/** The names that a rooms service lets users have, in memory. */
export interface FakeNames {
  /** Ids of users by the names that are held, in lower case. The id of an account is empty here. */
  readonly held: ReadonlyMap<string, string>
  /** Claims names, those of accounts first. The answers are in the order of the claims. */
  claim(gateway: string, claims: readonly NameClaim[]): (User | Refusal)[]
  /** Releases the names of guests who have left a gateway, unless another one holds them. */
  release(gateway: string, users: readonly string[]): void
  /** Releases all names that a gateway holds, whose lease has ended. */
  drop(gateway: string): void
}

/** Placeholder for the ids of accounts. */
const accounts = ''

/** `displace` removes a guest whose name belongs to an account from now on. */
export function createFakeNames(displace: (guest: string) => void): FakeNames {
  const held = new Map<string, string>()
  /** By the ids of users, their names and the gateways that hold these. */
  const guests = new Map<string, { name: string; gateways: Set<string> }>()
  let made = 0

  function claimForAccount({ id, name }: User): User {
    const holder = held.get(name.toLowerCase())
    if (holder !== undefined && holder !== accounts) {
      guests.delete(holder)
      displace(holder)
    }
    held.set(name.toLowerCase(), accounts)
    return { id, name }
  }

  function claimForGuest(gateway: string, { id, name }: User): User | Refusal {
    const holder = held.get(name.toLowerCase())
    if (holder !== undefined && holder !== id) {
      const refusal: Refusal = { refused: 'name-taken', message: 'somebody else has this name' }
      return holder === accounts ? refusal : { ...refusal, retryAfter: 30_000 }
    }
    const guest = guests.get(id) ?? { name, gateways: new Set() }
    if (guest.name !== name) {
      return { refused: 'name-taken', message: 'this name was replaced by another one' }
    }
    held.set(name.toLowerCase(), id)
    guests.set(id, guest)
    guest.gateways.add(gateway)
    return { id, name }
  }

  function release(gateway: string, id: string): void {
    const guest = guests.get(id)
    if (!guest?.gateways.delete(gateway) || guest.gateways.size > 0) return
    guests.delete(id)
    held.delete(guest.name.toLowerCase())
  }

  return {
    held,
    claim(gateway, claims) {
      const users = claims.map(({ user, name }) => ({ id: user ?? `guest-${++made}`, name }))
      const isAccount = (index: number) => claims[index]?.account !== undefined
      const ofAccounts = users.map((user, index) => (isAccount(index) ? claimForAccount(user) : undefined))
      return users.map((user, index) => ofAccounts[index] ?? claimForGuest(gateway, user))
    },
    release(gateway, users) {
      for (const id of users) release(gateway, id)
    },
    drop(gateway) {
      for (const id of [...guests.keys()]) release(gateway, id)
    },
  }
}
