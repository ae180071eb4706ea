import type { ServerFrames, User } from '@rabble/contract'
import type { ChatError } from './errors.ts'
import type { Identity } from './link.ts'
import type { Store } from './store.ts'
import type { ConnectOptions } from './types.ts'

/** Who the user is: a guest, who gets a token to come back with, or somebody with a token of an account. */
export class Who {
  readonly #options: Pick<ConnectOptions, 'name' | 'token' | 'getToken'>
  readonly #store: Store
  /** Of an account as it was used last, or of the guest. */
  #token: string | undefined
  #user: User | undefined
  /** An account's token that the server doesn't take. */
  #refused: string | undefined

  constructor(options: Pick<ConnectOptions, 'name' | 'token' | 'getToken'>, store: Store) {
    this.#options = options
    this.#store = store
    this.#token = options.token
    if (!this.#isGuest) return
    const kept = store.load(this.#key) as { token?: string; user?: User } | null
    this.#token = kept?.token
    this.#user = kept?.user
  }

  get #isGuest(): boolean {
    return (this.#options.token ?? this.#options.getToken) === undefined
  }

  get user(): User | undefined {
    return this.#user
  }

  /** For what is asked over HTTP. */
  get token(): string | undefined {
    return this.#token
  }

  /** For the next hello; undefined if only what was refused could be said again. Throws what `getToken` throws. */
  async next(): Promise<Identity | undefined> {
    const { getToken } = this.#options
    if (getToken !== undefined) this.#token = await getToken()
    if (this.#token !== undefined) return this.#token === this.#refused ? undefined : { token: this.#token }
    return this.#asNamed
  }

  /** Returns after how many milliseconds to come for another token; 0 if there is no need to. */
  welcome({ user, token }: ServerFrames['welcome']): number {
    this.#user = user
    if (!this.#isGuest) return 0
    this.#token = token ?? this.#token
    this.#store.save(this.#key, { token: this.#token, user })
    return halfLife(token)
  }

  /** What else to try, after a hello was refused: a guest whose token is too old comes as a new one. */
  instead({ code }: ChatError): Identity | undefined {
    if (code !== 'unauthorized' || !this.#isGuest || this.#token === undefined) return undefined
    this.#token = undefined
    return this.#asNamed
  }

  /** The server doesn't take this token any more. Whether there may be another one. */
  refuse(): boolean {
    this.#refused = this.#token
    return this.#options.getToken !== undefined
  }

  get #asNamed(): Identity {
    return { name: this.#options.name }
  }

  get #key(): string {
    return `guest.${this.#options.name ?? ''}`
  }
}

/** Longest time that timers know: beyond it, they take none at all. */
const longest = 2 ** 31 - 1

/**
 * About half of the time for which a token is good, in milliseconds, by the clock of who made it; random, so that guests who
 * came together don't move together. 0 if the token doesn't say.
 */
function halfLife(token = ''): number {
  try {
    const [, claims = ''] = token.split('.')
    const { iat, exp } = JSON.parse(atob(claims.replace(/-/g, '+').replace(/_/g, '/')))
    return Math.min(longest, (exp - iat) * (400 + Math.random() * 200))
  } catch {
    return 0
  }
}
