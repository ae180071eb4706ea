import { setTimeout as sleep } from 'node:timers/promises'
import { chatOverAnyGateway, historyOf, reachGateways, startCrowd } from './crowd.ts'
import type { Part } from './part.ts'
import { createProject } from './project.ts'
import { allAreReached, unknownMetrics } from './prometheus.ts'

/** Tests docker-compose.yml: `make up`, `make scale`, `make down`, a backup, and the death of each container. */
export function composePart(load: { clients: number; rate: number }): Part {
  return {
    name: 'compose',
    async run(t, { say, wrong, step, finish }) {
      const project = await createProject(t, ['docker-compose.yml'])
      const { url } = project
      say('builds and starts everything')
      await project.up()
      const page = await fetch(url)
      if (!page.ok || !(await page.text()).includes('<html')) wrong(`the page: ${page.status}`)
      const crowd = await startCrowd(t, { url, ...load })

      await step(crowd, 'nothing happens', () => sleep(10_000))
      if (crowd.gateways().size !== 2) wrong(`the clients are on ${crowd.gateways().size} gateways, not on 2`)
      await step(crowd, '4 gateways', async () => {
        await project.scale(4)
        await reachGateways(t, url, 4, crowd.gateways)
      })

      await step(crowd, 'SSE and polling', () => chatOverAnyGateway(t, url))

      const gateways = await project.containers('gateway')
      for (const [index, gateway] of gateways.entries()) {
        await step(crowd, `kill -9 gateway ${index + 1}`, () => project.kill(gateway))
      }
      for (const service of ['history', 'rooms', 'postgres', 'rabbitmq', 'nginx']) {
        const [container = ''] = await project.containers(service)
        await step(crowd, `kill -9 ${service}`, () => project.kill(container))
      }
      await step(crowd, 'all 4 have come back', () => reachGateways(t, url, 4, crowd.gateways))

      const gateway = gateways[0] ?? ''
      say('Prometheus')
      const jobs = { history: 1, rooms: 1, rabbitmq: 1, 'rabbitmq-queues': 1, prometheus: 1 }
      await allAreReached(gateway, { gateway: 4, ...jobs })
      for (const name of await unknownMetrics(gateway)) wrong(`nobody tells the metric ${name}`)
      await step(crowd, '2 gateways', () => project.scale(2))
      const acknowledged = await finish(crowd)

      say('stops everything, and starts it again')
      await project.down()
      await project.up()
      const checkHistory = async () => {
        const kept = new Set(await historyOf(url, crowd.room))
        const lost = acknowledged.filter((id) => !kept.has(id))
        if (lost.length > 0) wrong(`history lacks ${lost.length} messages, such as ${lost[0]}`)
      }
      await checkHistory()

      say('makes a backup, loses all volumes, and restores it')
      const backup = await project.backup()
      await project.down({ volumes: true })
      await project.restore(backup)
      await checkHistory()
      await chatOverAnyGateway(t, url)
      say('restores it over what is there')
      const refusal = await project.restore(backup).then(
        () => 'it did not refuse',
        (error: Error) => error.message,
      )
      if (!refusal.includes('--replace')) wrong(`the restore over a database: ${refusal}`)
      await project.restore(backup, '--replace')
      await checkHistory()
      await chatOverAnyGateway(t, url)
    },
  }
}
