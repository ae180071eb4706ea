import { setTimeout as sleep } from 'node:timers/promises'
import { startCrowd } from './crowd.ts'
import { docker } from './docker.ts'
import type { Part } from './part.ts'
import { createProject } from './project.ts'
import { allAreReached } from './prometheus.ts'

const nodes = ['rabbitmq', 'rabbitmq-2', 'rabbitmq-3']

/** Tests docker-compose.rabbitmq-cluster.yml: any single node of RabbitMQ may die. */
export function clusterPart(load: { clients: number; rate: number }): Part {
  return {
    name: 'rabbitmq-cluster',
    async run(t, { say, wrong, step, finish }) {
      const project = await createProject(t, ['docker-compose.yml', 'docker-compose.rabbitmq-cluster.yml'])
      say('builds and starts everything')
      await project.up()
      const containers = (await Promise.all(nodes.map((node) => project.containers(node)))).flat()
      const crowd = await startCrowd(t, { url: project.url, ...load })
      await step(crowd, 'nothing happens', () => sleep(10_000))
      for (const [index, container] of containers.entries()) {
        await step(crowd, `kill -9 ${nodes[index]}`, () => project.kill(container))
      }

      const [node = ''] = containers
      const list = ['list_queues', '--quiet', '--no-table-headers', 'name', 'type', 'members']
      const queues = await docker(['exec', node, 'rabbitmqctl', ...list])
      // The log, and the queue of notifications.
      for (const queue of ['rabble.log.0', 'rabble.notify']) {
        const line =
          queues.split('\n').find((text) => text.startsWith(`${queue}\t`)) ?? `${queue} is not there`
        if (nodes.some((name) => !new RegExp(`rabbit@${name}\\b(?!-)`).test(line)))
          wrong(`not on all nodes: ${line}`)
      }
      const [gateway = ''] = await project.containers('gateway')
      say('Prometheus')
      const brokers = { rabbitmq: 3, 'rabbitmq-queues': 3 }
      await allAreReached(gateway, { gateway: 2, history: 1, rooms: 1, prometheus: 1, ...brokers })
      await finish(crowd)
    },
  }
}
