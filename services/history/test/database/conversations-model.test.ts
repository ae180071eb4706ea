import { randomInt } from 'node:crypto'
import t from 'tap'
import { checkConversations } from '../conversations-model.ts'
import { onBoth } from '../databases.ts'

const seed = Number(process.env.CONVERSATIONS_SEED ?? randomInt(2 ** 31))
/** Events of the log. */
const count = Number(process.env.CONVERSATIONS_COUNT ?? 150)
t.comment(`CONVERSATIONS_SEED=${seed} CONVERSATIONS_COUNT=${count}`)

await onBoth(async (t, databases) => {
  await t.test('each user’s conversations are what one who reads the whole log counts', async (t) => {
    await checkConversations(t, await databases.migrated(t), { seed, count })
  })
})
