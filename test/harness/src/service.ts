import { fileURLToPath } from 'node:url'
import { freePort } from './free-port.ts'
import { type ManagedProcess, startProcess } from './managed-process.ts'
import { nodeOptions } from './node-options.ts'
import type { TestContext } from './test-context.ts'
import { until } from './until.ts'

/** Path of the repository, seen from test/harness/dist/src. */
const repository = fileURLToPath(new URL('../../../../', import.meta.url))

/** Limits for clients that all have the same address. */
const oneAddress = { RABBLE_LOGINS_PER_MINUTE: '60000', RABBLE_APPEARING_ROOMS_PER_HOUR: '60000' }

export interface ServiceOptions {
  /** Absolute path of the script for Node. Default: the service's `main.js`. */
  script?: string
  /** Whether the limits per address are raised, since all clients of a test usually have the same one. Default: true. */
  raiseAddressLimits?: boolean
  /**
   * Condition to wait for at each start: `/readyz` answers 200 (`ready`, the default), `/livez` does (`live`, for tests in
   * which a dependency is down), or none (`nothing`).
   */
  wait?: 'ready' | 'live' | 'nothing'
  /** Timeout (ms) of that wait. Default: 120,000, since a busy machine may take long to load Node's modules. */
  timeout?: number
}

export interface Service extends ManagedProcess {
  readonly port: number
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  readonly url: string
  /** Resolves once `/readyz` answers 200. @param timeout milliseconds; default: 120,000 */
  ready(timeout?: number): Promise<void>
  /** Resolves with the reason why `/readyz` doesn't answer 200, for people. */
  unreadiness(): Promise<string>
}

/**
 * Starts a service of Rabble, already built, as a process of its own. Its environment is `env`, PATH, and a free `PORT` if
 * `env` has none. A restart keeps it.
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
  const raised = (options.raiseAddressLimits ?? true) && options.script === undefined ? oneAddress : {}
  const service = await startProcess(t, {
    name,
    command: process.execPath,
    args: [...nodeOptions(), options.script ?? `${repository}services/${name}/dist/src/main.js`],
    env: { ...raised, ...env, PORT: String(port) },
    cwd: repository,
    readyTimeout: options.timeout ?? 120_000,
    // As long as containers get: a gateway first sends its clients to other gateways.
    stopTimeout: 90_000,
    isReady: async () => wait === 'nothing' || (await answersOk(`${url}/${wait}z`)),
  })
  return Object.assign(service, {
    port,
    url,
    async ready(timeout = 120_000) {
      const isReady = () => answersOk(`${url}/readyz`)
      await until(isReady, timeout, `${name} to be ready`).catch(async (cause) => {
        throw new Error(`${cause.message}: ${await unreadiness(url)}`, { cause })
      })
    },
    unreadiness: () => unreadiness(url),
  })
}

/** Returns the failed checks of a service's `/readyz`. */
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
