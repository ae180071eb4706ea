import type { TestContext } from '@rabble/harness'
import type { Crowd } from './crowd.ts'
import { type StepResult, tableOf } from './table.ts'

/** Functions for the steps of a part, which print and record. */
export interface Protocol {
  /** Prints a line about the current step. */
  say(text: string): void
  /** Records a finding. The part goes on. */
  wrong(text: string): void
  /** Runs and measures a step under the load of the crowd. */
  step(crowd: Crowd, name: string, work: () => Promise<unknown>): Promise<void>
  /** Ends the load, and checks that all clients have the same messages. Resolves with the acknowledged ids. */
  finish(crowd: Crowd): Promise<readonly string[]>
}

export interface Part {
  name: string
  run(t: TestContext, protocol: Protocol): Promise<void>
}

/** Runs a part, prints its progress and, at the end, a table. Resolves to whether there were no findings. */
export async function runPart(
  { name, run }: Part,
  stop: AbortSignal,
  print: (text: string) => void,
): Promise<boolean> {
  const startedAt = performance.now()
  const steps: StepResult[] = []
  const findings: string[] = []
  const totals: string[] = []
  const teardowns: (() => unknown)[] = []
  const seconds = () => String(Math.round((performance.now() - startedAt) / 1_000)).padStart(5)
  const say = (text: string) => print(`${seconds()} s  ${name}: ${text}`)
  const wrong = (text: string) => {
    findings.push(text)
    say(`WRONG: ${text}`)
  }
  const t: TestContext = {
    name,
    teardown: (work) => teardowns.push(work),
    comment: say,
    passing: () => findings.length === 0,
  }
  const protocol: Protocol = {
    say,
    wrong,
    async step(crowd, name, work) {
      say(name)
      steps.push(await crowd.step(name, work))
    },
    async finish(crowd) {
      say('everybody reads the rest')
      const { report, acknowledged } = await crowd.finish()
      if (!report.ok) wrong(report.text)
      const count = (lists: ReadonlyMap<string, readonly string[]>) =>
        [...lists.values()].reduce((sum, ids) => sum + ids.length, 0)
      totals.push(
        `acknowledged ${acknowledged.length}, delivered ${crowd.delivered()}, missing ${count(report.missing)}, ` +
          `repeated ${count(report.repeated)}, out of order ${report.disordered.length}`,
      )
      return acknowledged
    },
  }
  const aborted = new Promise<never>((_resolve, reject) => {
    stop.addEventListener('abort', () => reject(new Error('stopped')), { once: true })
  })
  aborted.catch(() => {})
  try {
    stop.throwIfAborted()
    await Promise.race([run(t, protocol), aborted])
  } catch (error) {
    wrong(messageOf(error))
  }
  say('is taken away')
  for (const work of teardowns.reverse()) {
    try {
      await work()
    } catch (error) {
      wrong(messageOf(error))
    }
  }
  print(`\n${tableOf(steps)}\n`)
  for (const total of totals) print(total)
  print(
    findings.length === 0
      ? `${name}: all is well\n`
      : `${name}: ${findings.length} wrong:\n${findings.join('\n')}\n`,
  )
  return findings.length === 0
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}
