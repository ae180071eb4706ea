import { inForm } from '@rabble/harness'
import { onBoth } from '../databases.ts'
import { storeAll } from '../fuzz.ts'

await onBoth(async (t, databases) => {
  await t.test('whatever stands in the log, what gateways hand out is stored and can be read', (t) =>
    storeAll(t, databases, inForm(1_500, 20_000)),
  )
})
