import { checkCrowds } from '../crowds.ts'
import { onBoth } from '../databases.ts'

await onBoth(async (t, make, kind) => {
  await t.test('of 200 at once over four gateways, a room for ten takes ten, every time', async (t) => {
    await checkCrowds(t, await make(t), kind === 'postgres' ? 12 : 4)
  })
})
