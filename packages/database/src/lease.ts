import type { Clock, Timer } from '@rabble/clock'
import pg from 'pg'
import { ConnectionFailure } from './failure.ts'

/** A lock that nobody else holds while it lasts. */
export interface Lease {
  /** Aborts when it is over, because it was released or lost; `reason` says why. */
  readonly ended: AbortSignal
  /** Gives it up; never rejects. */
  release(): Promise<void>
}

/*
 * A lease is a session's advisory lock on a connection of its own, and the server ends the session when nothing came from
 * it for `idleTimeout`. TCP keepalives would not do: the kernel answers those for a process that is frozen. A killed
 * process loses its lock at once, since the kernel closes its sockets; one that is frozen or cut off, after `idleTimeout`.
 */
const beat = 1_500
const beatTimeout = 3_000
const idleTimeout = 5_000

/** Keys are numbers for the whole database, whatever they are for, so names are hashed, with a seed of our own. */
const key = "hashtextextended('rabble ' || $1, 0)"

/** Whether somebody holds it, asked over any connection: whoever waits for a lease keeps no connection for that. */
export const isLeased = `select not pg_try_advisory_xact_lock_shared(${key}) as leased`

/**
 * Takes the lease on a new connection. Undefined if somebody else has it.
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
    // Not awaited: a server that is frozen doesn't say goodbye. It ends the session, or finds the socket closed.
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
      end(new Error('somebody else has it'))
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
      // Before the connection goes, so that it is free once this resolves.
      await client.query('select pg_advisory_unlock_all()').catch(() => {})
      end(new Error('released'))
    },
  }
}
