import type { Clock, Timer } from '@rabble/clock'
import pg from 'pg'
import { ConnectionFailure } from './failure.ts'

/** Lock that only one holder has at a time. */
export interface Lease {
  /** Aborts when the lease was released or lost; `reason` says why. */
  readonly ended: AbortSignal
  /** Releases the lease; never rejects. */
  release(): Promise<void>
}

/*
 * A lease is a session's advisory lock on a separate connection. The server ends the session if it receives nothing for
 * `idleTimeout`. TCP keepalives would not do: the kernel answers them for a frozen process. A killed process loses its lock at
 * once, since the kernel closes its sockets; a frozen or disconnected one loses it after `idleTimeout`.
 */
const beat = 1_500
const beatTimeout = 3_000
const idleTimeout = 5_000

/** Hash of a name, with a prefix of Rabble: the keys of advisory locks are numbers, shared by the whole database. */
const key = "hashtextextended('rabble ' || $1, 0)"

/**
 * Query whether a lease is held. Any connection can run it, so a process that waits for a lease needs no connection of its own.
 */
export const isLeased = `select not pg_try_advisory_xact_lock_shared(${key}) as leased`

/**
 * Takes the lease on a new connection. Returns undefined if it is held.
 * @throws ConnectionFailure or the error of the server
 */
export async function takeLease(
  config: pg.ClientConfig,
  name: string,
  clock: Clock,
): Promise<Lease | undefined> {
  const client = new pg.Client({ ...config, query_timeout: beatTimeout })
  const ended = new AbortController()
  let timer: Timer | undefined

  function end(reason: Error): void {
    timer?.cancel()
    if (ended.signal.aborted) return
    ended.abort(reason)
    // Not awaited: a frozen server doesn't close the connection. It ends the session later, or finds the socket closed.
    client.end().catch(() => {})
  }

  function keepAlive(): void {
    if (ended.signal.aborted) return
    timer = clock.setTimeout(() => void client.query('select 1').then(keepAlive, end), beat)
    timer.unref()
  }

  client.on('error', end)
  client.on('end', () => end(new ConnectionFailure('the connection was closed')))
  try {
    await client.connect()
    await client.query(`set idle_session_timeout = ${idleTimeout}`)
    const { rows } = await client.query(`select pg_try_advisory_lock(${key}) as taken`, [name])
    if (rows[0]?.taken !== true) {
      end(new Error('another session holds the lease'))
      return undefined
    }
  } catch (error) {
    end(error as Error)
    throw error
  }
  keepAlive()
  return {
    ended: ended.signal,
    async release() {
      if (ended.signal.aborted) return
      timer?.cancel()
      // Unlocks first, so that the lease is free once this resolves.
      await client.query('select pg_advisory_unlock_all()').catch(() => {})
      end(new Error('released'))
    },
  }
}
