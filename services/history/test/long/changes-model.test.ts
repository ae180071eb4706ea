import { randomInt } from 'node:crypto'
import t from 'tap'
import { checkModel } from '../changes-model.ts'
import { onBoth } from '../databases.ts'

const first = Number(process.env.CHANGES_SEED ?? randomInt(2 ** 31))
/** Events of each log. */
const count = Number(process.env.CHANGES_COUNT ?? 300)
t.comment(`CHANGES_SEED=${first} CHANGES_COUNT=${count}`)

await onBoth(async (t, databases) => {
  for (let seed = first; seed < first + 5; seed++) {
    await t.test(`all reads show what the log in its order says, CHANGES_SEED=${seed}`, async (t) => {
      await checkModel(t, await databases.migrated(t), { seed, count })
    })
  }
})
