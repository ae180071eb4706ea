import { createManualClock } from '@rabble/clock/manual'
import type { AuditEntry } from '@rabble/rooms/client'
import { Registry } from 'prom-client'
import t from 'tap'
import { createMetrics } from '../../src/metrics.ts'
import { createAuditTrail } from '../../src/rooms/audit-trail.ts'

const entry = (n: number): AuditEntry => ({
  actor: { id: 'a', name: 'A' },
  action: 'service.notify',
  detail: { n },
})

function build() {
  const told: AuditEntry[] = []
  const service = { down: false }
  const metrics = createMetrics(new Registry())
  const clock = createManualClock()
  const trail = createAuditTrail({
    rooms: {
      async audit(entries) {
        await new Promise(setImmediate)
        if (service.down) throw new Error('down')
        told.push(...entries)
      },
    },
    clock,
    metrics,
  })
  const dropped = async () => (await metrics.auditDropped.get()).values[0]?.value ?? 0
  return { trail, told, service, dropped, clock }
}

t.test('whoever waits when told to loses nothing, however much it is', async (t) => {
  const { trail, told, dropped } = build()
  for (let n = 0; n < 20_000; n++) await trail.record(entry(n))
  await trail.close()
  t.same(
    told.map(({ detail }) => detail?.n),
    Array.from({ length: 20_000 }, (_, n) => n),
  )
  t.equal(await dropped(), 0)
})

t.test('a service that is down holds nobody up; what has no place is counted', async (t) => {
  const { trail, told, service, dropped, clock } = build()
  service.down = true
  for (let n = 0; n < 3_000; n++) await trail.record(entry(n))
  service.down = false
  await clock.advance(1_000)
  await trail.close()
  t.equal(told.length, 2_000)
  t.equal(await dropped(), 1_000)
})
