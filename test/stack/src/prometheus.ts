import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '@rabble/harness'
import { docker } from './docker.ts'
import { repository } from './project.ts'

/** Queries Prometheus from inside a gateway's container, since it may be unreachable from elsewhere. */
async function ask<T>(gateway: string, path: string): Promise<T> {
  const program = `fetch('http://prometheus:9090/api/v1/${path}').then((r) => r.text()).then((t) => process.stdout.write(t))`
  const { data } = JSON.parse(await docker(['exec', gateway, 'node', '-e', program])) as { data: T }
  return data
}

/**
 * Resolves once Prometheus reaches all targets: `replicas` has the number of targets of each job.
 * @throws Error after two minutes, with the targets that it reached
 */
export async function allAreReached(
  gateway: string,
  replicas: Readonly<Record<string, number>>,
): Promise<void> {
  const wanted = Object.entries(replicas).flatMap(([job, count]) => Array<string>(count).fill(`${job} up`))
  let seen: string[] = []
  const reached = async () => {
    const { activeTargets } = await ask<{ activeTargets: { labels: { job: string }; health: string }[] }>(
      gateway,
      'targets?state=active',
    )
    seen = activeTargets.map(({ labels, health }) => `${labels.job} ${health}`).sort()
    return String(seen) === String(wanted.sort())
  }
  await until(reached, 120_000, `Prometheus to reach ${wanted.join(', ')}`).catch((error: Error) => {
    throw new Error(`${error.message}; it has ${seen.join(', ')}`, { cause: error.cause })
  })
}

/** Returns the metrics in the alerts or the dashboard that no target exposes. */
export async function unknownMetrics(gateway: string): Promise<string[]> {
  const known = new Set(Object.keys(await ask<Record<string, unknown>>(gateway, 'metadata')))
  const texts = ['alerts.yml', 'grafana/dashboards/rabble.json'].map((file) =>
    readFileSync(join(repository, 'monitoring', file), 'utf8'),
  )
  const asked = texts.flatMap((text) => text.match(/\b(?:rabble|rabbitmq|process|nodejs)_[a-z0-9_]+/g) ?? [])
  return [...new Set(asked)].filter(
    (name) => !known.has(name) && !known.has(name.replace(/_(bucket|count|sum)$/, '')),
  )
}
