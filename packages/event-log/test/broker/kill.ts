import { setTimeout as sleep } from 'node:timers/promises'
import { type RabbitMq, until } from '@rabble/harness'
import type { Test } from 'tap'
import { event, follow, offsetsGrow, publishSurely } from '../../src/conformance/fixture.ts'
import { areOutages, build, timeout } from './build.ts'

export interface Load {
  /** Number of publishers of each of two logs. */
  publishers: number
  /** Minimum number of events that are confirmed before the broker is killed, and again after it. */
  events: number
}

/** Tests a kill of the broker, as a subtest. Nothing else may use the broker. */
export function testKill(t: Test, broker: RabbitMq, load: Load): void {
  t.test(
    'kill -9 of the broker under load: what was confirmed is there, readers have no gap and no repeat',
    async (t) => {
      const options = { url: broker.url, prefix: 'rabble.kill', limits: { publishTimeout: 500 } }
      const logs = [await build(t, options), await build(t, options)]
      const readers = logs.map(({ log }) => follow(t, log, 'first'))
      const confirmed: string[] = []
      let stop = false
      let retries = 0
      const publishers = logs.flatMap(({ log }, i) =>
        Array.from({ length: load.publishers }, async (_, j) => {
          for (let n = 0; !stop; n++) {
            const id = `${i}-${j}-${n}`
            await publishSurely(log, event(id), () => retries++)
            confirmed.push(id)
            // Without the pause the number of events, all of which are compared, would depend on the machine.
            await sleep(5)
          }
        }),
      )
      await until(() => confirmed.length > load.events, 120_000, 'some load')
      await broker.streamsSettled()
      await broker.kill()
      const refused = retries
      await until(() => retries > refused, timeout, 'some to be refused meanwhile')
      await broker.restart()
      const before = confirmed.length
      await until(() => confirmed.length > before + load.events, 120_000, 'more load')
      stop = true
      await Promise.all(publishers)

      const fresh = follow(t, (await build(t, options)).log, 'first')
      for (const reader of [...readers, fresh]) {
        while (new Set(reader.ids()).size < confirmed.length) await reader.seen(reader.lines.length + 1)
      }
      // After the last one there may be events that were published again, because their confirms were late.
      const offsetsOf = ({ batches }: typeof fresh) => batches.map(({ offset }) => offset)
      const agree = () => readers.every((reader) => offsetsOf(reader).join() === offsetsOf(fresh).join())
      await until(agree, timeout, 'all to have read as far').catch(() => {})
      t.ok(offsetsGrow(fresh.batches))
      t.same([...new Set(fresh.ids())].sort(), [...confirmed].sort(), 'all that was confirmed, and no more')
      t.same(readers.map(offsetsOf), [offsetsOf(fresh), offsetsOf(fresh)], 'no gap, no repeat')
      for (const { logged, count } of logs) {
        await until(() => logged.length > 1, timeout, 'the second line of the outage')
        t.ok(areOutages(logged), `one outage is two lines: ${JSON.stringify(logged)}`)
        t.equal(count('gap'), 0)
      }
    },
  )
}
