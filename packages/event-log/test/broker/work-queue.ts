import { createManualClock, type ManualClock } from '@rabble/clock/manual'
import { putIntoQueue, until } from '@rabble/harness'
import type { Test } from 'tap'
import { during, event, movedLimits } from '../../src/conformance/fixture.ts'
import { connectRabbitMqLog, type DoTask, type EventLog, type Task } from '../../src/index.ts'
import { timeout } from './build.ts'

interface BuildOptions {
  work?: DoTask
  url?: string
  clock?: ManualClock
  /** Called before it begins to take tasks. */
  prepare?: (log: EventLog) => Promise<void>
}

/** Returns ways to start processes that take tasks from a broker, and to give them tasks. */
export function workQueues(broker: { url: string }) {
  /** Starts a process that takes tasks from the queue `<prefix>.tasks`, and records its callbacks and log lines. */
  async function build(t: Test, prefix: string, options: BuildOptions = {}) {
    const { clock = createManualClock() } = options
    const tasks: Task[] = []
    const logged: string[] = []
    const told = { connected: false, active: false, activations: 0, redelivered: 0, setAside: 0 }
    const note = (_: object, message: string) => logged.push(message)
    const log = await connectRabbitMqLog({
      url: options.url ?? broker.url,
      prefix,
      limits: movedLimits,
      // The clock stands still, and would hold back all batches but the first.
      spacing: 0,
      clock,
      logger: { info: note, warn: note, error: note },
      observer: {
        connection(role, up) {
          if (role === 'work') told.connected = up
        },
      },
    })
    await during(clock, log.publish(event('1')))
    await options.prepare?.(log)
    const work: DoTask = (task) => {
      tasks.push(task)
      return options.work?.(task) ?? Promise.resolve()
    }
    const queue = log.takeWork('tasks', work, {
      active(active) {
        told.active = active
        if (active) told.activations++
      },
      redelivered: () => told.redelivered++,
      setAside: () => told.setAside++,
    })
    const close = async () => {
      await queue.close()
      await log.close()
    }
    t.teardown(close)
    const later = (check: () => boolean, what: string) => during(clock, until(check, timeout, what))
    return {
      log,
      clock,
      later,
      told,
      logged,
      close,
      texts: () => tasks.map(({ body }) => body.toString()),
      takes: () => later(() => told.active, 'the process to take tasks'),
      did: (...wanted: string[]) =>
        later(() => wanted.every((text) => tasks.some(({ body }) => body.toString() === text)), 'tasks'),
    }
  }

  function put(prefix: string, ...bodies: string[]): Promise<void> {
    return putIntoQueue(
      broker.url,
      `${prefix}.tasks`,
      bodies.map((body) => ({ body })),
    )
  }

  return { build, put }
}
