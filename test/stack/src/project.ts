import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort, privateFolder, type TestContext, until } from '@rabble/harness'
import { docker, killHard, run } from './docker.ts'

/** Path of the repository, seen from test/stack/dist/src. */
export const repository = fileURLToPath(new URL('../../../../', import.meta.url))

export interface Project {
  /** Address of Nginx. */
  readonly url: string
  /** Builds the images, starts everything and waits until all is healthy. */
  up(): Promise<void>
  scale(gateways: number): Promise<void>
  /** Stops and removes the containers. The data stays in its volumes, unless they are removed as well. */
  down(options?: { volumes: boolean }): Promise<void>
  /** Makes a backup by docker/backup. Returns its folder. */
  backup(): Promise<string>
  /** Restores a backup by docker/restore, with its options. */
  restore(folder: string, ...options: string[]): Promise<void>
  /** Returns the containers of a service. */
  containers(service: string): Promise<string[]>
  /** Kills the container with SIGKILL. Resolves when Docker has restarted it and it is healthy. */
  kill(container: string): Promise<void>
}

/** Timeouts (ms). */
const building = 15 * 60_000
const starting = 5 * 60_000

/**
 * Prepares the repository's Compose files under another project name, on other ports, with secrets in a private folder, so
 * that another Rabble on this machine is not affected. Teardown removes all of it, with its data and its images.
 */
export async function createProject(t: TestContext, files: readonly string[]): Promise<Project> {
  const name = `rabble-test-${randomBytes(3).toString('hex')}`
  const folder = privateFolder(t, 'stack')
  const secrets = join(folder, 'env')
  await run(join(repository, 'docker/env'), [secrets])
  const port = await freePort()
  const env = {
    TAG: name,
    PORT: `127.0.0.1:${port}`,
    TLS_PORT: `127.0.0.1:${await freePort()}`,
    PROMETHEUS_PORT: String(await freePort()),
    GRAFANA_PORT: String(await freePort()),
    LOG_LEVEL: 'warn',
  }
  const image = `rabble:${name}`
  const where = files.flatMap((file) => ['--file', join(repository, file)])
  const compose = (args: readonly string[], timeout = starting) =>
    docker(['compose', '--project-name', name, '--env-file', secrets, ...where, ...args], { env, timeout })

  const ownProject = { COMPOSE_PROJECT_NAME: name, COMPOSE_FILE: files.join(':') }
  const script = (script: string, ...args: string[]) =>
    run(join(repository, 'docker', script), [...args, '--env-file', secrets], {
      env: { ...env, ...ownProject },
      timeout: starting,
    })

  t.teardown(async () => {
    await compose(['down', '--volumes', '--remove-orphans', '--timeout', '5'])
    await docker(['image', 'rm', image, `rabble-nginx:${name}`]).catch(() => {})
  })

  return {
    url: `http://127.0.0.1:${port}`,
    async up() {
      await compose(['build', '--quiet'], building)
      await compose(['up', '--detach', '--wait'])
    },
    async scale(gateways) {
      await compose(['up', '--detach', '--wait', '--no-recreate', '--scale', `gateway=${gateways}`])
    },
    async down({ volumes } = { volumes: false }) {
      await compose(['down', ...(volumes ? ['--volumes'] : [])])
    },
    async backup() {
      const to = join(folder, 'backups')
      await script('backup', '--to', to, '--of', 'containers')
      const [name = ''] = readdirSync(to)
      return join(to, name)
    },
    async restore(from, ...options) {
      await script('restore', from, ...options)
    },
    async containers(service) {
      return (await compose(['ps', '--quiet', service])).split('\n').filter(Boolean)
    },
    async kill(container) {
      const state = async () => {
        const format = '{{.RestartCount}} {{.State.Status}} {{with .State.Health}}{{.Status}}{{end}}'
        return (await docker(['inspect', '--format', format, container])).trim()
      }
      const [before] = (await state()).split(' ')
      await killHard(container, image)
      const back = async () => {
        const [restarts, ...health] = (await state()).split(' ')
        return restarts !== before && health.join(' ') === 'running healthy'
      }
      await until(back, 180_000, `${container} to be healthy again`)
    },
  }
}
