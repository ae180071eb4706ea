import { randomBytes } from 'node:crypto'
import type { Frame } from './methods.ts'

/** The user of a client: that of a token or a cookie, or a guest whose name is made up until a call names one. */
export class Identity {
  readonly #token: string | undefined
  readonly #madeUpName = `Guest ${randomBytes(5).toString('hex')}`
  #isSignedIn: boolean
  #hasToken: boolean

  constructor(token: string | undefined) {
    this.#token = token
    this.#isSignedIn = token !== undefined
    this.#hasToken = this.#isSignedIn
  }

  /** Whether a token or a cookie decides who it is, and no call. */
  get isSignedIn(): boolean {
    return this.#isSignedIn
  }

  /** Whether it has a token, with which it can come back as the same user. */
  get hasToken(): boolean {
    return this.#hasToken
  }

  /** Returns the first hello of the client. */
  hello(): Frame {
    return {
      type: 'hello',
      ...(this.#token === undefined ? { name: this.#madeUpName } : { token: this.#token }),
    }
  }

  /** Notes the name with which the client was let in. It is that of a cookie if it is not the one that was made up. */
  entered(name: string | undefined): void {
    this.#isSignedIn = this.#hasToken = name !== this.#madeUpName
  }

  /** Notes that another hello was accepted. */
  became(hello: Frame): void {
    this.#isSignedIn = this.#hasToken = hello.type === 'hello' && hello.token !== undefined
  }

  /** Notes that the client was given a token. */
  keepsToken(): void {
    this.#hasToken = true
  }
}
