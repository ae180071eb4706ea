import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '@rabble/harness'
import { historyOf, startCrowd } from '../crowd.ts'
import type { Part } from '../part.ts'
import { type Data, storeData } from './data.ts'
import { startSystem } from './processes.ts'
import { buildVersion, commitBeforeNewestSchema, firstVersion, newest, type Version } from './versions.ts'

export interface UpgradeOptions {
  /** Commit, tag or branch to begin with. Default: the first version. */
  from?: string | undefined
  clients: number
  rate: number
}

/** Updates a running system from an old version to this one, goes back by one version, and forward again. */
export function upgradePart({ from, ...load }: UpgradeOptions): Part {
  return {
    name: 'upgrade',
    async run(t, { say, wrong, step, finish }) {
      say('builds the versions')
      const first = await buildVersion(
        from === undefined ? 'the first version' : 'the old version',
        from ?? firstVersion,
      )
      const before = await buildVersion('the version before', await commitBeforeNewestSchema())
      say(`starts ${first.name}`)
      const { url, secret, places } = await startSystem(t, first)
      const data = await storeData(t, url, secret)
      const crowd = await startCrowd(t, { url, ...load })
      await step(crowd, `all is ${first.name}`, () => sleep(5_000))

      // Each service is updated first once, so that each is beside older and newer ones of the others.
      for (const [version, order] of [
        [newest, ['rooms', 'history', 'gateway']],
        [before, ['gateway', 'history', 'rooms']],
        [newest, ['history', 'gateway', 'rooms']],
      ] as [Version, string[]][]) {
        for (const service of order) {
          for (const place of places.filter((place) => place.service === service)) {
            await step(crowd, `${place.name}: ${version.name}`, () => place.update(version))
          }
          await compare(data, `${service} is ${version.name}`)
        }
      }
      const acknowledged = await finish(crowd)
      let stored = new Set<string>()
      const read = async () => {
        stored = new Set(await historyOf(url, crowd.room))
        return acknowledged.every((id) => stored.has(id))
      }
      await until(read, 60_000, 'history').catch(() => {})
      const lost = acknowledged.filter((id) => !stored.has(id))
      if (lost.length > 0) wrong(`history lacks ${lost.length} messages, such as ${lost[0]}`)

      async function compare(data: Data, when: string): Promise<void> {
        for (const difference of await data.differences()) wrong(`${when}: ${difference}`)
      }
    },
  }
}
