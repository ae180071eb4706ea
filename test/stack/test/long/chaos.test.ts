import { assertNothingLeft, type TestContext } from '@rabble/harness'
import t from 'tap'
import { bugs } from '../../src/chaos/bugs.ts'
import { textOf } from '../../src/chaos/report.ts'
import { type ChaosOptions, runChaos } from '../../src/chaos/run.ts'

assertNothingLeft(t)

const seed = Number(process.env.SEED ?? 1 + Math.floor(Math.random() * 999_999))
t.comment(`SEED=${seed}`)

async function run(t: TestContext, options: Partial<ChaosOptions>) {
  const signal = new AbortController().signal
  const load = { seed, seconds: 20, lanes: 2, people: 12, rate: 4, patience: 45 }
  const report = await runChaos(t, { ...load, ...options }, { say: t.comment.bind(t), signal })
  t.comment(textOf(report))
  return report
}

t.test('a minute of random faults breaks no promise', async (t) => {
  const { verdict, happened, acknowledged } = await run(t, { seconds: 60, lanes: 3, patience: 120 })
  t.ok(happened.length > 10, `${happened.length} faults happened`)
  t.ok(acknowledged > 100, `${acknowledged} messages were acknowledged`)
  t.same(verdict.findings, [])
})

for (const [name, bug] of Object.entries(bugs)) {
  t.test(`a run finds the defect: ${name}`, async (t) => {
    const only = bug.faults === undefined ? undefined : new RegExp(bug.faults)
    const { verdict } = await run(t, { bug, only })
    t.ok(verdict.counts[bug.breaks] > 0, JSON.stringify(verdict.counts))
  })
}
