import { inForm } from '@rabble/harness'
import { onBoth } from '../databases.ts'
import { storeAll } from '../fuzz.ts'

await onBoth(async (t, databases) => {
  await t.test('whatever stands in the log, what gateways hand out is stored and can be read', (t) =>
    storeAll(t, databases, inForm(3_000, 20_000)),
  )
})
