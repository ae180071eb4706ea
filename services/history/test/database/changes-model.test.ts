import { randomInt } from 'node:crypto'
import t from 'tap'
import { checkModel } from '../changes-model.ts'
import { onBoth } from '../databases.ts'

const seed = Number(process.env.CHANGES_SEED ?? randomInt(2 ** 31))
/** Events of the log. */
const count = Number(process.env.CHANGES_COUNT ?? 100)
t.comment(`CHANGES_SEED=${seed} CHANGES_COUNT=${count}`)

await onBoth(async (t, databases) => {
  await t.test('whatever is changed by whom, all reads show what the log in its order says', async (t) => {
    await checkModel(t, await databases.migrated(t), { seed, count })
  })
})
