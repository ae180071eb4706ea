import type { ServerFrames, User } from '@rabble/contract'
import type { ChatClock } from './clock.ts'
import { Deferred } from './deferred.ts'
import { ChatError } from './errors.ts'
import type { Identity } from './socket-session.ts'
import type { Store } from './store.ts'
import type { ConnectOptions } from './types.ts'

/** Time limit (ms) of `getToken`. */
const tokenDeadline = 10_000

/** Identity of the user: a guest, who gets a token to return with, or an account with a token. */
export class Credentials {
  readonly #options: Pick<ConnectOptions, 'name' | 'token' | 'getToken' | 'user'>
  readonly #store: Store
  readonly #clock: ChatClock
  /** Last token of the account or of the guest, also for HTTP requests. */
  token: string | undefined
  user: User | undefined
  /** Whether the user did not exist before this chat. */
  isNew: boolean | undefined

  constructor(
    options: Pick<ConnectOptions, 'name' | 'token' | 'getToken' | 'user'>,
    store: Store,
    clock: ChatClock,
  ) {
    this.#options = options
    this.#store = store
    this.#clock = clock
    this.token = options.token
    this.user = options.user
    if (!this.#isGuest) return
    const kept = store.load(this.#key) as { token?: string; user?: User } | null
    this.token = kept?.token
    this.user = kept?.user
  }

  get #isGuest(): boolean {
    return (this.#options.token ?? this.#options.getToken) === undefined
  }

  /** Whether the application can be asked for another token. */
  get canAsk(): boolean {
    return this.#options.getToken !== undefined
  }

  /** Returns the identity for the next hello. @throws ChatError `timeout`, or the error of `getToken` */
  async next(): Promise<Identity> {
    if (this.canAsk) this.token = await this.#ask()
    return this.token === undefined ? this.#asNamed : { token: this.token }
  }

  /**
   * Returns a token to renew the open session with: a new one, or the guest's own to be exchanged. Returns undefined if there is
   * none.
   */
  async fresh(): Promise<string | undefined> {
    return this.canAsk ? this.#ask() : this.#isGuest ? this.token : undefined
  }

  welcome({ user, token = this.token, isNew }: ServerFrames['welcome']): void {
    this.user = user
    this.isNew ||= isNew
    this.refreshed(token)
  }

  /** Stores the token with which the session continues. */
  refreshed(token: string | undefined): void {
    this.token = token
    if (this.#isGuest) this.#store.save(this.#key, { token, user: this.user })
  }

  /**
   * Returns the identity to try after a refused hello: a guest with an expired token returns as a new guest. Otherwise undefined.
   */
  instead({ code }: ChatError): Identity | undefined {
    if (code !== 'unauthorized' || !this.#isGuest || this.token === undefined) return undefined
    this.token = undefined
    return this.#asNamed
  }

  /** Asks the application, with a time limit: it may take long or never answer. */
  #ask(): Promise<string> {
    const { promise, resolve, reject } = new Deferred<string>()
    const late = () => reject(new ChatError('timeout', 'getToken took too long'))
    const timer = this.#clock.setTimeout(late, tokenDeadline)
    timer.unref()
    const given = async () => this.#options.getToken?.() ?? ''
    given()
      .then(resolve, reject)
      .finally(() => timer.cancel())
    return promise
  }

  get #asNamed(): Identity {
    return { name: this.#options.name }
  }

  get #key(): string {
    return `guest.${this.#options.name ?? ''}`
  }
}
