import type { User } from '@rabble/client'

/** User of the session that the browser keeps in a cookie, and a token of it. */
export interface Account {
  user: User
  token: string
  /** Roles beyond those of every user. */
  roles: string[]
  guest: boolean
}

/** Ways to sign in. */
export interface Ways {
  /** Whether a name is enough. */
  guests: boolean
  /** The provider of accounts, if there is one. */
  provider?: { available: boolean }
}

/** Path at which the sign-in with an account begins: a page that leads to the provider. */
export const providerPath = 'api/sign-in/provider'

/** Refusal by the server. Everything else that fails may work a moment later. */
export class Refusal extends Error {
  readonly status: number
  /** Code of the error in the protocol, if the answer has one. */
  readonly code: string | undefined

  constructor(status: number, message: string, code: string | undefined) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** Time limit (ms) of a request. */
const timeout = 10_000

/**
 * Returns the account of the browser's session or, with a name, of a new guest's.
 * @throws Refusal with status 401 if there is no session, or another one that says why the name can't be had
 */
export function openAccount(name?: string): Promise<Account> {
  return ask('api/session', 'POST', { keep: true, ...(name !== undefined && { name }) })
}

/** Ends the browser's session in all tabs. */
export async function closeAccount(): Promise<void> {
  await ask('api/session', 'DELETE')
}

export function askForWays(): Promise<Ways> {
  return ask('api/sign-in', 'GET')
}

async function ask<Answer>(path: string, method: string, body?: object): Promise<Answer> {
  const response = await fetch(path, {
    method,
    cache: 'no-store',
    signal: AbortSignal.timeout(timeout),
    ...(body !== undefined && {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
  })
  if (response.status === 204) return undefined as Answer
  const answer = await response.json()
  if (response.ok) return answer
  const message = typeof answer.message === 'string' ? answer.message : `status ${response.status}`
  const isPassing = response.status === 429 || response.status >= 500
  const code = typeof answer.code === 'string' ? answer.code : undefined
  throw isPassing ? Object.assign(new Error(message), { code }) : new Refusal(response.status, message, code)
}
