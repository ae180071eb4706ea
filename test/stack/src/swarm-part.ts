import { setTimeout as sleep } from 'node:timers/promises'
import { connectChat, until } from '@rabble/harness'
import { chatOverAnyGateway, historyOf, reachGateways, startCrowd } from './crowd.ts'
import { docker } from './docker.ts'
import type { Part } from './part.ts'
import { allAreReached } from './prometheus.ts'
import { createStack } from './stack.ts'

/** Tests stack.yml: deploying, replacing all tasks of a service, a broken image, and a backup. */
export function swarmPart(load: { clients: number; rate: number }): Part {
  return {
    name: 'swarm',
    async run(t, { say, wrong, step, finish }) {
      say('builds the images')
      const stack = await createStack(t)
      const { url, image, brokenImage } = stack
      say('deploys the stack')
      await stack.deploy()
      const answers = async (page: string) => (await fetch(page)).ok
      for (const page of stack.pages) await until(() => answers(page), 120_000, page)
      for (const page of ['visualizer', 'prometheus', 'grafana']) await stack.look(page)
      await until(() => answers(url), 60_000, url)
      // Swarm starts all services at once, so Nginx runs before those behind it.
      await reachGateways(t, url, 3)
      const crowd = await startCrowd(t, { url, ...load })

      await step(crowd, 'nothing happens', () => sleep(10_000))
      if (crowd.gateways().size !== 3) wrong(`the clients are on ${crowd.gateways().size} gateways, not on 3`)
      await step(crowd, 'SSE and polling', () => chatOverAnyGateway(t, url))
      await step(crowd, 'a worker', async () => {
        const ada = await connectChat(t, url, { name: 'Ada' })
        await ada.join('reminders')
        await stack.addWorker('reminders')
        await ada.waitFor((frame) => frame.type === 'message' && frame.room === 'reminders', 120_000)
      })
      say('Prometheus')
      const [gateway = ''] = await stack.containers('gateway')
      const brokers = { rabbitmq: 1, 'rabbitmq-queues': 1 }
      await allAreReached(gateway, { gateway: 3, history: 2, rooms: 2, prometheus: 1, ...brokers })

      for (const service of ['gateway', 'history', 'rooms']) {
        await step(crowd, `rolling update of ${service}`, async () => {
          const { state } = await stack.update(service, ['--force'])
          if (state !== 'completed') wrong(`the update of ${service} is ${state}`)
        })
      }

      await docker(['build', '--quiet', '--tag', brokenImage, '-'], {
        input: `FROM ${image}\nCMD ["false"]\n`,
        timeout: 120_000,
      })
      await step(crowd, 'update to a broken image', async () => {
        const after = await stack.update('gateway', ['--no-resolve-image', '--image', brokenImage])
        if (after.state !== 'rollback_completed' || after.image !== image) {
          wrong(`after the update to a broken image the service is ${after.state} with ${after.image}`)
        }
      })
      const acknowledged = await finish(crowd)

      say('makes a backup, and restores it')
      await stack.restoreBackup()
      await reachGateways(t, url, 3)
      let kept = new Set<string>()
      const read = async () => {
        kept = new Set(await historyOf(url, crowd.room))
        return true
      }
      await until(read, 60_000, 'history')
      const lost = acknowledged.filter((id) => !kept.has(id))
      if (lost.length > 0) wrong(`history lacks ${lost.length} messages, such as ${lost[0]}`)
      await chatOverAnyGateway(t, url)
    },
  }
}
