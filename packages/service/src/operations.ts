import type { FastifyInstance } from 'fastify'
import { Gauge, type Registry } from 'prom-client'
import { processMetrics } from './process-metrics.ts'

/** Condition for taking traffic: returns undefined if it holds, otherwise the reason why not. */
export type ReadinessCheck = () => string | undefined | Promise<string | undefined>

/** Problem for operators that does not affect traffic: returns undefined if there is none. */
export type ReadinessNote = () => string | undefined | Promise<string | undefined>

/**
 * Adds the routes for operators, which are never routed from outside: `/livez` (the process answers), `/readyz` (200, or 503 with
 * the reasons; `notes` don't count), `/healthz` (503 until all checks have held once, 200 from then on), `/metrics` (Prometheus:
 * `registry`, `rabble_ready` and the process's own). `checks` may grow until the service listens.
 *
 * `/healthz` is for Docker, which has one check for two questions: an update continues with the next task once it holds, and a
 * Swarm kills the task for which it doesn't. With `/readyz`, a broker that is away for 15 seconds would make Docker kill every
 * gateway and end all connections. With `/livez`, an update would stop the next gateway before this one can serve.
 */
export function operations(
  app: FastifyInstance,
  options: {
    registry: Registry
    checks: Record<string, ReadinessCheck>
    notes?: Record<string, ReadinessNote>
  },
): void {
  const { registry, checks, notes = {} } = options
  const quiet = { logLevel: 'warn' } as const
  let wasReady = false
  readyGauge(registry, checks)
  app.get('/livez', quiet, async () => ({ status: 'ok' }))
  app.get('/healthz', quiet, async (_request, reply) => {
    wasReady ||= (await states(checks)).every(([, state]) => state === 'ok')
    return reply.code(wasReady ? 200 : 503).send({ status: wasReady ? 'ok' : 'starting' })
  })
  app.get('/readyz', quiet, async (_request, reply) => {
    const entries = await states(checks)
    const ready = entries.every(([, state]) => state === 'ok')
    const noted = await Promise.all(
      Object.entries(notes).map(async ([name, note]) => [name, await note()] as const),
    )
    const told = noted.filter(([, note]) => note !== undefined)
    return reply.code(ready ? 200 : 503).send({
      status: ready ? 'ok' : 'unready',
      checks: Object.fromEntries(entries),
      ...(told.length > 0 && { notes: Object.fromEntries(told) }),
    })
  })
  app.get('/metrics', quiet, async (_request, reply) => {
    const own = processMetrics()
    const parts = await Promise.all([registry.metrics(), own.metrics()])
    return reply.type(registry.contentType).send(parts.join(''))
  })
}

/** Adds the result of `/readyz` as a metric. The checks run at each scrape. */
function readyGauge(registry: Registry, checks: Record<string, ReadinessCheck>): void {
  new Gauge({
    name: 'rabble_ready',
    help: '1 if the check of `/readyz` holds, 0 if not. A service gets traffic while all of its checks hold.',
    labelNames: ['check'],
    registers: [registry],
    async collect() {
      for (const [check, state] of await states(checks)) this.set({ check }, state === 'ok' ? 1 : 0)
    },
  })
}

/** Returns each check's name with `ok` or the reason why not. A check that throws must not hide the others, or all metrics. */
function states(checks: Record<string, ReadinessCheck>): Promise<[string, string][]> {
  return Promise.all(
    Object.entries(checks).map(async ([name, check]): Promise<[string, string]> => {
      try {
        return [name, (await check()) ?? 'ok']
      } catch (error) {
        return [name, error instanceof Error ? error.message : String(error)]
      }
    }),
  )
}
