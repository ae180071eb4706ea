import type { ServerFrames, User } from '@rabble/contract'
import type { ChatClock } from './clock.ts'
import { Deferred } from './deferred.ts'
import { ChatError } from './errors.ts'
import type { Identity } from './socket-session.ts'
import type { Store } from './store.ts'
import type { ConnectOptions } from './types.ts'

/** Time (ms) that `getToken` may take. */
const tokenDeadline = 10_000

/** The identity of the user: a guest, who gets a token to come back with, or somebody with a token of an account. */
export class Credentials {
  readonly #options: Pick<ConnectOptions, 'name' | 'token' | 'getToken'>
  readonly #store: Store
  readonly #clock: ChatClock
  /** Of an account as it was used last, or of the guest. */
  #token: string | undefined
  #user: User | undefined

  constructor(options: Pick<ConnectOptions, 'name' | 'token' | 'getToken'>, store: Store, clock: ChatClock) {
    this.#options = options
    this.#store = store
    this.#clock = clock
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

  /** Whether the application can be asked for another token. */
  get canAsk(): boolean {
    return this.#options.getToken !== undefined
  }

  /** For the next hello. @throws ChatError `timeout`, or what `getToken` throws */
  async next(): Promise<Identity> {
    if (this.canAsk) this.#token = await this.#ask()
    return this.#token === undefined ? this.#asNamed : { token: this.#token }
  }

  /** For the session that is open: another token, or that of a guest, to be exchanged; undefined if there is none to be had. */
  async fresh(): Promise<string | undefined> {
    return this.canAsk ? this.#ask() : this.#isGuest ? this.#token : undefined
  }

  welcome({ user, token = this.#token }: ServerFrames['welcome']): void {
    this.#user = user
    this.refreshed(token)
  }

  /** The session goes on with this token. */
  refreshed(token: string | undefined): void {
    this.#token = token
    if (this.#isGuest) this.#store.save(this.#key, { token, user: this.#user })
  }

  /** What else to try, after a hello was refused: a guest whose token is too old comes as a new one. */
  instead({ code }: ChatError): Identity | undefined {
    if (code !== 'unauthorized' || !this.#isGuest || this.#token === undefined) return undefined
    this.#token = undefined
    return this.#asNamed
  }

  /** The application may take long, or for ever: it is asked again then. */
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
