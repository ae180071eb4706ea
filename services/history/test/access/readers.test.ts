import { createManualClock } from '@rabble/clock/manual'
import { Registry } from 'prom-client'
import t from 'tap'
import { createReaders } from '../../src/access/readers.ts'
import { createMetrics } from '../../src/metrics.ts'

t.test('while rooms does not say who may read, each failure is counted and one line tells', async (t) => {
  const clock = createManualClock()
  const metrics = createMetrics(new Registry(), clock)
  const logged: string[] = []
  const log = (_fields: object, message: string) => void logged.push(message)
  let down = true
  const rooms = {
    async readable(names: readonly string[]) {
      if (down) throw new Error('rooms answered 401')
      return [...names]
    },
    hidden: async () => ({ everything: false, names: [] }),
  }
  const policies = { loaded: false, failing: false, room: () => undefined, find: () => undefined }
  const logger = { info: log, warn: log, error: log }
  const readers = createReaders({ rooms, policies }, { clock, requireToken: false, metrics, logger })
  const failures = async () => (await metrics.roomsErrors.get()).values[0]?.value
  for (let times = 1; times <= 3; times++) {
    await t.rejects(readers.check('general', undefined), { code: 'unavailable' })
    t.equal(await failures(), times)
  }
  t.strictSame(logged, ['the rooms service does not answer about permissions to read'])
  down = false
  await readers.check('general', undefined)
  t.strictSame(logged.slice(1), ['the rooms service answers again about permissions to read'])
})
