import { onBoth } from '../databases.ts'
import { storeAll } from '../fuzz.ts'

await onBoth(async (t, databases) => {
  await t.test('whatever stands in many lines of the log, what gateways hand out is stored', (t) =>
    storeAll(t, databases, 200_000),
  )
})
