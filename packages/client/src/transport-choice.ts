import type { Credentials } from './credentials.ts'
import type { Store } from './store.ts'
import type { Transport } from './types.ts'

const key = 'transport'

/** Chooses the transport of each attempt to connect. The last one that worked is kept in the storage. */
export class TransportChoice {
  readonly #transports: Transport[]
  readonly #store: Store
  #worked: unknown
  #index = 0
  /** Number of unanswered attempts in a row over this transport. */
  #unanswered = 0

  constructor({ store, credentials }: { store: Store; credentials: Credentials }, transports: Transport[]) {
    this.#transports = transports
    this.#store = store
    this.#worked = store.load(key)
    // A hello without a token may need a cookie, which does not reach the address of a gateway.
    this.reset(this.#worked === 'direct' && (credentials.canAsk || credentials.token))
  }

  /** The best transport. */
  get first(): Transport {
    return this.#transports[0] as Transport
  }

  /** Transport of the next attempt. */
  get next(): Transport {
    return this.#transports[this.#index] as Transport
  }

  /**
   * Goes back to the transport that worked last. The direct way comes before the WebSocket, if that is the best one, as soon as it
   * is offered.
   */
  reset(direct?: unknown): void {
    if (direct && this.first === 'websocket') this.#transports.unshift('direct')
    this.#index = Math.max(0, this.#transports.indexOf(this.#worked as Transport))
    this.#unanswered = 0
  }

  /** `direct`: whether the server offers the direct way. */
  answered(transport: Transport, direct: unknown): void {
    if (transport !== this.#worked) this.#store.save(key, transport)
    this.#worked = transport
    this.reset(direct)
  }

  /** Goes on to another transport if an attempt got no answer; if this one has worked, after the second such attempt. */
  unanswered(): void {
    if (globalThis.navigator?.onLine === false) return
    if (this.next === this.#worked && ++this.#unanswered < 2) return
    this.#index = (this.#index + 1) % this.#transports.length
    this.#unanswered = 0
  }
}
