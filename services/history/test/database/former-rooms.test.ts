import { createManualClock } from '@rabble/clock/manual'
import { until } from '@rabble/harness'
import { ingestOf, timeout, waitFor } from '../build.ts'
import { onBoth } from '../databases.ts'
import { createMemoryLog } from '../memory-log.ts'
import { message } from '../message.ts'

await onBoth(async (t, databases) => {
  await t.test(
    'the rooms service is told again and again, in parts, which rooms have messages',
    async (t) => {
      const clock = createManualClock()
      const log = createMemoryLog(2)
      const names = Array.from({ length: 1100 }, (_, n) => `room ${String(n).padStart(4, '0')}`)
      log.append(
        ...[...names, 'dm:ada:bob', 'user:ada', '*', 'no:room'].map((room, n) => message(`m${n}`, { room })),
      )
      const database = await databases.migrated(t)
      const filling = ingestOf(t, log, database)
      await waitFor(database, 1104)
      await filling.close()
      const told: { after: string; through?: string; names: readonly string[] }[] = []
      const rooms = {
        retention: async () => new Map(),
        former: async (part: (typeof told)[0]) => void told.push(part),
      }
      ingestOf(t, log, database, { clock, rooms })
      const round = async () => {
        await clock.advance(60_000)
        return told.length >= 3
      }
      await until(round, timeout, 'three rounds')
      const [first, second, third] = told
      t.same([...(first?.names ?? []), ...(second?.names ?? [])], names)
      t.match(first, { after: '', through: second?.after })
      t.notOk(second === undefined || 'through' in second, 'up to the end')
      t.same(third, first)
    },
  )
})
