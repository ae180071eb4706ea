import type { Clock } from '@rabble/clock'
import { RabbleError } from '@rabble/contract'
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import type { Logger } from './logger.ts'
import { canVerify } from './public-key.ts'
import { withTimeout } from './with-timeout.ts'

export interface KeySetOptions {
  clock: Clock
  logger: Pick<Logger, 'info' | 'warn'>
  /** Minimum time (ms) between two attempts to fetch the keys. Default: 30,000. */
  cooldown?: number
  /** Age (ms) after which the keys are fetched again; the known ones stay valid meanwhile. Default: 600,000. */
  maxAge?: number
  /** Age (ms) up to which keys are valid if they can't be fetched again. Default: 86,400,000. */
  maxStale?: number
  /** Time limit (ms) of a request. Default: 5000. */
  timeout?: number
}

/** Maximum size (bytes) of a key set; a large one has some thousand. */
const maxBytes = 256 * 1024

/**
 * Fetches the keys that an issuer publishes (JWKS, RFC 7517), for `jwtVerify`. For an unknown key the set is fetched again, at
 * most once per cooldown, so that invented key ids can't cause requests to the issuer. While the issuer can't be reached, or
 * answers without a usable key, known keys stay valid. A token with an unknown key is then not invalid, but `unavailable`.
 */
export function createKeySet(url: string, options: KeySetOptions): JWTVerifyGetKey {
  const {
    clock,
    logger,
    cooldown = 30_000,
    maxAge = 600_000,
    maxStale = 86_400_000,
    timeout = 5_000,
  } = options
  let keys: JWTVerifyGetKey | undefined
  let fetchedAt = -Infinity
  let triedAt = -Infinity
  let fetching: Promise<void> | undefined
  let failing = false

  /** Fetches the keys unless the cooldown forbids it. Resolves also after a failure. */
  async function refresh(): Promise<void> {
    if (fetching === undefined && clock.monotonic() - triedAt < cooldown) return
    fetching ??= load().finally(() => {
      fetching = undefined
    })
    return fetching
  }

  async function load(): Promise<void> {
    triedAt = clock.monotonic()
    try {
      keys = createLocalJWKSet(parse(await withTimeout(clock, timeout, (signal) => download(url, signal))))
      fetchedAt = clock.monotonic()
      if (failing) logger.info({ url }, 'the keys of the issuer can be fetched again')
      failing = false
    } catch (err) {
      if (!failing) logger.warn({ err, url }, 'the keys of the issuer can not be fetched')
      failing = true
    }
  }

  function known(): JWTVerifyGetKey {
    if (keys !== undefined && clock.monotonic() - fetchedAt < maxStale) return keys
    throw new RabbleError('unavailable', 'the keys that verify tokens can not be fetched now', {
      retryAfter: Math.ceil(Math.max(0, triedAt + cooldown - clock.monotonic())),
    })
  }

  return async (header, token) => {
    const age = clock.monotonic() - fetchedAt
    if (age >= maxStale) await refresh()
    else if (age >= maxAge) void refresh()
    try {
      return await known()(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
    }
    await refresh()
    if (failing) {
      throw new RabbleError('unavailable', 'the key of the token is not known, and can not be fetched now', {
        retryAfter: cooldown,
      })
    }
    return known()(header, token)
  }
}

/**
 * Returns those keys of a set that can verify tokens. A set without any doesn't replace the known keys: an issuer that withdraws
 * all of them has new ones, so this issuer is starting, or is broken.
 * @throws Error that says what is wrong
 */
function parse(text: string): JSONWebKeySet {
  const { keys } = (JSON.parse(text) ?? {}) as { keys?: unknown }
  if (!Array.isArray(keys)) throw new Error('that is no set of keys')
  const usable = keys.filter(canVerify)
  if (usable.length === 0) throw new Error(`none of ${keys.length} keys can verify tokens`)
  return { keys: usable }
}

async function download(url: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(url, {
    headers: { accept: 'application/jwk-set+json, application/json' },
    signal,
  })
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of response.body ?? []) {
    length += piece.length
    // Leaving the loop cancels the download.
    if (length > maxBytes) throw new Error(`more than ${maxBytes} bytes`)
    pieces.push(piece)
  }
  if (!response.ok) throw new Error(`answered ${response.status}`)
  return Buffer.concat(pieces).toString()
}
