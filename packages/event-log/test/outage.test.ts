import { createManualClock } from '@rabble/clock/manual'
import t from 'tap'
import { LastingFailure, Outage } from '../src/outage.ts'

t.test('an outage is two lines, and each failure that somebody has to mend one more', async (t) => {
  const clock = createManualClock()
  const lines: string[] = []
  const to = (level: string) => (fields: object) =>
    lines.push(`${level} ${'reason' in fields ? fields.reason : 'back'}`)
  const logger = { info: to('info'), warn: to('warn'), error: to('error') }
  const outage = new Outage('the dependency', clock, logger)
  for (let round = 1; round <= 2; round++) {
    outage.down('one', new Error('connection refused'))
    outage.down('two', new Error('connection closed'))
    for (let n = 0; n < 3; n++) {
      outage.down('one', new LastingFailure('do this'))
      outage.down('two', new LastingFailure('do that'))
      outage.down('one', new Error('connection refused'))
    }
    outage.up('one')
    outage.up('two')
    await clock.advance(10_000)
    const outageLines = ['warn connection refused', 'error do this', 'error do that', 'info back']
    t.same(lines.splice(0), outageLines, `outage ${round}`)
  }
})
