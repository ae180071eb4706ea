import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, privateFolder, type TestContext, until } from '@rabble/harness'
import { DockerError, docker, run } from './docker.ts'
import { repository } from './project.ts'

export interface Stack {
  /** Address of Nginx. */
  readonly url: string
  /** Addresses of pages for people. */
  readonly pages: readonly string[]
  readonly image: string
  /** Name for a broken image, which is removed with the others. */
  readonly brokenImage: string
  /** Deploys, and waits until all tasks run. */
  deploy(): Promise<void>
  /** Deploys the worker of stack.workers.yml for a room, by the steps of docs/deployment.md. */
  addWorker(room: string): Promise<void>
  /** Returns the containers of a service. */
  containers(service: string): Promise<string[]>
  /** Makes a backup by docker/backup, and restores it by docker/restore in place of the database, with the services stopped. */
  restoreBackup(): Promise<void>
  /** Opens the way to a page without a port, as `make look` does, and waits until the page answers. */
  look(page: string): Promise<void>
  /**
   * Updates a service. Resolves at the end of the update with its state, such as `completed` or `rollback_completed`, and with
   * the image of the service.
   */
  update(service: string, changes: readonly string[]): Promise<{ state: string; image: string }>
}

/** Timeouts (ms). */
const building = 15 * 60_000
const starting = 5 * 60_000
const updating = 10 * 60_000

/** Returns the number of nodes of the engine's swarm; 0 without a swarm. */
export async function swarmNodes(): Promise<number> {
  const state = (await docker(['info', '--format', '{{.Swarm.LocalNodeState}} {{.Swarm.Nodes}}'])).trim()
  return state.startsWith('inactive') ? 0 : Number(state.split(' ')[1])
}

/**
 * Prepares the repository's stack.yml under another name and on other ports, in a swarm of one node, which is created if there
 * is none. Teardown removes it with its data, its secrets, its images, and a swarm created here.
 */
export async function createStack(t: TestContext): Promise<Stack> {
  const name = `rabble-test-${randomBytes(3).toString('hex')}`
  const image = `rabble:${name}`
  const brokenImage = `${image}-broken`
  const [port, grafana] = [await freePort(), await freePort()]
  const socket = process.env.DOCKER_HOST ?? ''
  const env = {
    STACK: name,
    TAG: name,
    PORT: String(port),
    GRAFANA_PORT: String(grafana),
    DOCKER_SOCK: socket.startsWith('unix://') ? socket.slice('unix://'.length) : '/var/run/docker.sock',
    LOG_LEVEL: 'warn',
  }
  const list = async (args: readonly string[]) => (await docker(args)).split('\n').filter(Boolean)
  const ofStack = ['--filter', `label=com.docker.stack.namespace=${name}`]

  t.teardown(async () => {
    await docker(['image', 'rm', image, `rabble-nginx:${name}`, brokenImage]).catch(() => {})
  })
  for (const target of ['rabble', 'rabble-nginx']) {
    const stage = target.replace('rabble-', '')
    const args = ['build', '--quiet', '--target', stage, '--tag', `${target}:${name}`, repository]
    await docker(args, { timeout: building })
  }

  if ((await swarmNodes()) === 0) {
    // Registered before the creation, which may fail halfway.
    t.teardown(() => docker(['swarm', 'leave', '--force']).catch(() => {}))
    await docker(['swarm', 'init', '--advertise-addr', '127.0.0.1'])
  }
  const node = (await docker(['info', '--format', '{{.Swarm.NodeID}}'])).trim()
  const label = await docker(['node', 'inspect', node, '--format', '{{index .Spec.Labels "rabble.data"}}'])
  if (label.trim() !== 'true') {
    await docker(['node', 'update', '--label-add', 'rabble.data=true', node])
    t.teardown(() => docker(['node', 'update', '--label-rm', 'rabble.data', node]))
  }
  t.teardown(async () => {
    for (const secret of await list(['secret', 'ls', '--quiet', '--filter', `name=${name}_`])) {
      await docker(['secret', 'rm', secret])
    }
  })
  await run(join(repository, 'docker/secrets'), [name])
  t.teardown(async () => {
    await docker(['stack', 'rm', name])
    const containers = () => list(['ps', '--all', '--quiet', ...ofStack])
    await until(async () => (await containers()).length === 0, 120_000, 'the containers of the stack to end')
    for (const volume of await list(['volume', 'ls', '--quiet', ...ofStack]))
      await docker(['volume', 'rm', volume])
  })

  const inspect = async (service: string, format: string) =>
    (await docker(['service', 'inspect', '--format', format, `${name}_${service}`])).trim()

  const containers = (service: string) =>
    list(['ps', '--quiet', '--filter', `label=com.docker.swarm.service.name=${name}_${service}`])

  /** Deploys these files, and waits until all tasks run. */
  async function deploy(
    names: readonly string[],
    more: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const files = names.flatMap((file) => ['--compose-file', join(repository, file)])
    // The images were built here and are in no registry.
    const args = ['stack', 'deploy', ...files, '--resolve-image', 'never', name]
    await docker(args, { env: { ...env, ...more }, timeout: starting })
    let states: string[] = []
    const running = async () => {
      states = await list(['service', 'ls', ...ofStack, '--format', '{{.Name}} {{.Replicas}}'])
      return states.every((state) => / ([1-9]\d*)\/\1( |$)/.test(state))
    }
    await until(running, starting, 'all tasks to run').catch((error: Error) => {
      throw new DockerError(`${error.message}:\n${states.join('\n')}`)
    })
  }

  return {
    url: `http://127.0.0.1:${port}`,
    pages: [`http://127.0.0.1:${grafana}`],
    image,
    brokenImage,
    deploy: () => deploy(['stack.yml']),
    async addWorker(room) {
      const password = randomBytes(16).toString('hex')
      const [broker = ''] = await containers('rabbitmq')
      const rights = ['^worker[.]', '^(worker[.]|rabble[.]notify$)', '^worker[.]']
      await docker(['exec', broker, 'rabbitmqctl', 'add_user', 'worker', password])
      await docker(['exec', broker, 'rabbitmqctl', 'set_permissions', 'worker', ...rights])
      const input = `amqp://worker:${password}@broker:5672`
      await docker(['secret', 'create', `${name}_worker_amqp_url`, '-'], { input })
      await deploy(['stack.yml', 'stack.workers.yml'], { REMINDER_ROOM: room })
    },
    containers,
    async restoreBackup() {
      const to = privateFolder(t, 'backups')
      await run(join(repository, 'docker/backup'), ['--stack', name, '--to', to], { timeout: starting })
      const [backup = ''] = readdirSync(to)
      const services = ['gateway', 'history', 'rooms']
      const scale = (counts: readonly number[]) =>
        docker(['service', 'scale', ...services.map((service, n) => `${name}_${service}=${counts[n]}`)], {
          timeout: updating,
        })
      const gone = async () => {
        const labels = services.map((service) => `label=com.docker.swarm.service.name=${name}_${service}`)
        const running = await Promise.all(labels.map((label) => list(['ps', '--quiet', '--filter', label])))
        return running.flat().length === 0
      }
      await scale([0, 0, 0])
      await until(gone, 120_000, 'the services to stop')
      const args = [join(to, backup), '--replace', '--stack', name]
      await run(join(repository, 'docker/restore'), args, { timeout: starting })
      await scale([3, 2, 2])
    },
    async look(page) {
      const port = await freePort()
      const args = [page, '--stack', name, '--port', String(port)]
      const looking = spawn(join(repository, 'docker/look'), args, {
        env: { ...process.env, TAG: name },
        stdio: 'ignore',
      })
      const answers = async () => (await fetch(`http://127.0.0.1:${port}`)).ok
      try {
        await until(answers, 60_000, `${page} by docker/look`)
      } finally {
        looking.kill('SIGINT')
        await docker(['rm', '--force', `${name}-look-${page}`]).catch(() => {})
      }
    },
    async update(service, changes) {
      await docker(['service', 'update', '--detach', ...changes, `${name}_${service}`])
      let state = ''
      const over = async () => {
        state = await inspect(service, '{{.UpdateStatus.State}}')
        return /completed|paused/.test(state)
      }
      await until(over, updating, `the end of the update of ${service}`)
      return { state, image: await inspect(service, '{{.Spec.TaskTemplate.ContainerSpec.Image}}') }
    },
  }
}
