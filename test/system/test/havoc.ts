import { setTimeout as sleep } from 'node:timers/promises'
import { type Postgres, type Service, until } from '@rabble/harness'

const deeds = ['leader killed', 'PostgreSQL killed', 'both killed', 'leader frozen'] as const

/** Number of times that each deed was done. */
export type Deeds = Record<(typeof deeds)[number], number>

export interface Victims {
  histories: readonly Service[]
  postgres: Postgres
  random: () => number
}

/**
 * Kills (SIGKILL) or freezes the history that writes, and its database, one after the other at random, and restarts or thaws
 * each, until `stop`. Each deed is done at least once. When `stop` resolves, all of them run again.
 */
export function wreakHavoc({ histories, postgres, random }: Victims): { stop(): Promise<Deeds> } {
  const done: Deeds = { 'leader killed': 0, 'PostgreSQL killed': 0, 'both killed': 0, 'leader frozen': 0 }
  let isOver = false

  async function leader(): Promise<Service> {
    let found: Service | undefined
    await until(
      async () => {
        found = await leaderOf(histories)
        return found !== undefined
      },
      120_000,
      'a history that writes',
    )
    return found as Service
  }

  async function crash(...victims: { kill(): Promise<void>; restart(): Promise<void> }[]): Promise<void> {
    await Promise.all(victims.map((victim) => victim.kill()))
    await sleep(random() * 500)
    await Promise.all(victims.map((victim) => victim.restart()))
  }

  /** Freezes a leader until another one writes, so that it has lost the leadership when it goes on. */
  async function freeze(victim: Service): Promise<void> {
    victim.freeze()
    await leader()
    victim.thaw()
  }

  async function work(): Promise<void> {
    for (;;) {
      for (const deed of shuffled(deeds, random)) {
        await sleep(random() * 1_500)
        if (deed === 'leader killed') await crash(await leader())
        else if (deed === 'PostgreSQL killed') await crash(postgres)
        else if (deed === 'both killed') await crash(await leader(), postgres)
        else await freeze(await leader())
        done[deed]++
        if (isOver && Object.values(done).every((times) => times > 0)) return
      }
    }
  }

  const working = work()
  // `stop` reports an error.
  working.catch(() => {})
  return {
    async stop() {
      isOver = true
      await working
      return done
    },
  }
}

/** Returns the history that reports to be the leader of the partition. A frozen or dead one reports nothing. */
async function leaderOf(histories: readonly Service[]): Promise<Service | undefined> {
  const leads = await Promise.all(
    histories.map(async ({ url }) => {
      const reply = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(3_000) }).catch(
        () => undefined,
      )
      return /^rabble_history_leader\{partition="0"\} 1$/m.test((await reply?.text()) ?? '')
    }),
  )
  return histories.find((_, n) => leads[n])
}

function shuffled<Item>(items: readonly Item[], random: () => number): Item[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((one, other) => one.at - other.at)
    .map(({ item }) => item)
}
