import { fileURLToPath } from 'node:url'
import { freePort } from './free-port.ts'
import { type ManagedProcess, startProcess } from './managed-process.ts'
import type { TestContext } from './test-context.ts'
import { until } from './until.ts'

/** From test/harness/dist/src. */
const repository = fileURLToPath(new URL('../../../../', import.meta.url))

/** As a rule everybody comes from this one machine. */
const oneMachine = { RABBLE_LOGINS_PER_MINUTE: '60000', RABBLE_APPEARING_ROOMS_PER_HOUR: '60000' }

export interface ServiceOptions {
  /** What Node runs, an absolute path; the service's own `main.js` unless told. */
  script?: string
  /**
   * What to wait for at each start: until it can do its work (`ready`, the default), until it answers at all
   * (`live`: for tests in which what it needs is down), or for nothing.
   */
  wait?: 'ready' | 'live' | 'nothing'
  /** Milliseconds for that; 120,000 unless told, since a loaded machine may take long to load Node's modules. */
  timeout?: number
}

export interface Service extends ManagedProcess {
  readonly port: number
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  readonly url: string
  /** Resolves once `/readyz` says 200. @param timeout milliseconds, 120,000 unless told */
  ready(timeout?: number): Promise<void>
  /** Why `/readyz` doesn't say 200, in words. */
  unreadiness(): Promise<string>
}

/**
 * Starts a service of Rabble as a process of its own, built before. Its environment is `env`, PATH, and a free `PORT`
 * unless `env` has one; a restart keeps all of it.
 */
export async function startService(
  t: TestContext,
  name: string,
  env: Readonly<Record<string, string>>,
  options: ServiceOptions = {},
): Promise<Service> {
  const port = env.PORT === undefined ? await freePort() : Number(env.PORT)
  const url = `http://127.0.0.1:${port}`
  const wait = options.wait ?? 'ready'
  const service = await startProcess(t, {
    name,
    command: process.execPath,
    args: [options.script ?? `${repository}services/${name}/dist/src/main.js`],
    env: { ...(options.script === undefined && oneMachine), ...env, PORT: String(port) },
    cwd: repository,
    readyTimeout: options.timeout ?? 120_000,
    // What containers get, too: a gateway first sends its clients to others.
    stopTimeout: 90_000,
    isReady: async () => wait === 'nothing' || (await answersOk(`${url}/${wait}z`)),
  })
  return Object.assign(service, {
    port,
    url,
    async ready(timeout = 120_000) {
      await until(() => answersOk(`${url}/readyz`), timeout, `${name} to be ready`).catch(async (cause) => {
        throw new Error(`${cause.message}: ${await unreadiness(url)}`, { cause })
      })
    },
    unreadiness: () => unreadiness(url),
  })
}

/** What a service says of why it isn't ready. */
async function unreadiness(url: string): Promise<string> {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(10_000) })
    const { checks = {} } = (await response.json()) as { checks?: Record<string, string> }
    const reasons = Object.entries(checks).filter(([, state]) => state !== 'ok')
    return reasons.map(([check, reason]) => `${check}: ${reason}`).join('; ') || 'it is ready'
  } catch (error) {
    return (error as Error).message
  }
}

async function answersOk(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000) })
  await response.body?.cancel()
  return response.ok
}
