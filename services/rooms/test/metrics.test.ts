import { checkDocumented } from '@rabble/harness'
import { Registry } from 'prom-client'
import t from 'tap'
import { createMetrics } from '../src/index.ts'

t.test('docs/operations.md lists exactly the metrics that exist', async (t) => {
  const registry = new Registry()
  createMetrics(registry)
  const rows = (await registry.getMetricsAsJSON()).map(({ name, help }) => [`\`${name}\``, help])
  checkDocumented(t, 'docs/operations.md', 'metrics-rooms', [['metric', 'meaning'], ...rows])
})
