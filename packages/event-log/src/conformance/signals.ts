import { systemClock } from '@rabble/clock'
import type { Signal } from '@rabble/contract'
import type { Test } from 'tap'
import type { EventLog } from '../event-log.ts'
import { event, follow, type MakeFixture } from './fixture.ts'

/** Polls for the effects of I/O, in real time. */
const { sleep } = systemClock

export function testSignals(t: Test, makeFixture: MakeFixture): void {
  t.test('a signal reaches every listener of every log, and is not in the log', async (t) => {
    const { open } = await makeFixture(t)
    const logs = [await open(), await open()]
    const heard = logs.map((log) => listen(t, log))
    await signalUntilHeard(logs, heard)

    const typing = { type: 'typing', room: 'general', user: { id: 'u', name: 'Ada' } }
    for (const log of logs) log.signal(typing)
    for (const each of heard) {
      while (each.filter(({ type }) => type === 'typing').length < 2) await sleep(5)
      t.same(
        each.filter(({ type }) => type === 'typing'),
        [typing, typing],
      )
    }

    await logs[0]?.publish(event('1'))
    const reader = follow(t, logs[0] as EventLog, 'first')
    await reader.seen(1)
    t.same(reader.ids(), ['1'])
  })

  t.test('a listener that stopped hears no more, one that throws harms no other', async (t) => {
    const { open } = await makeFixture(t)
    let malformed = 0
    const log = await open({ observer: { malformedSignal: () => malformed++ } })
    log.onSignal(() => {
      throw new Error('this signal is malformed')
    })
    const heard: Signal[] = []
    const stop = log.onSignal((signal) => heard.push(signal))
    const others = listen(t, log)
    await signalUntilHeard([log], [heard])
    stop()
    heard.length = 0
    others.length = 0
    await signalUntilHeard([log], [others])
    t.same(heard, [])
    t.ok(malformed > 0, 'and it is counted')
  })
}

function listen(t: Test, log: EventLog): Signal[] {
  const heard: Signal[] = []
  t.teardown(log.onSignal((signal) => heard.push(signal)))
  return heard
}

/**
 * Sends signals until each log has received one from each of the logs. Signals may be lost, for example before both the log and
 * the listener are ready.
 */
async function signalUntilHeard(logs: EventLog[], heard: Signal[][]): Promise<void> {
  const probes = logs.map((_, number) => ({ type: `probe-${number}` }))
  const lacks = (each: Signal[]) => probes.some(({ type }) => !each.some((signal) => signal.type === type))
  while (heard.some(lacks)) {
    for (const [number, log] of logs.entries()) log.signal(probes[number] as Signal)
    await sleep(10)
  }
}
