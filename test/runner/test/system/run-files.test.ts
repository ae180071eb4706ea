import { writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { privateFolder } from '@rabble/harness'
import t, { type Test } from 'tap'
import { type FileResult, runFiles } from '../../src/run-files.ts'

const tap = pathToFileURL(createRequire(import.meta.url).resolve('tap')).href

/** Runs files with these texts in one process. In them `t` is tap's. */
function runAll(t: Test, texts: readonly string[], timeout = 120_000): Promise<FileResult[]> {
  const folder = privateFolder(t, 'run-files')
  const files = texts.map((text, i) => {
    writeFileSync(join(folder, `${i}.test.mjs`), `import tap from '${tap}'\nconst { t } = tap\n${text}`)
    return { part: 'unit' as const, source: `${i}.test.ts`, compiled: `${i}.test.mjs` }
  })
  return runFiles(files, {
    repository: folder,
    env: process.env,
    nodeOptions: [],
    log: join(folder, 'log'),
    timeout,
    signal: new AbortController().signal,
  })
}

async function run(t: Test, text: string, timeout?: number): Promise<FileResult> {
  const [result] = await runAll(t, [text], timeout)
  if (result === undefined) throw new Error('a file has a result')
  return result
}

t.test(
  'assertions are counted at any depth, and those that fail are named with all around them',
  async (t) => {
    const { passed, failures, log } = await run(
      t,
      `t.ok(true)
    t.test('outer', async (t) => {
      t.ok(true)
      await t.test('inner', async (t) => { t.equal(1, 2, 'one'); t.ok(true) })
    })
    t.test('throws', async () => { throw new Error('boom') })`,
    )
    t.equal(passed, 3)
    t.match(
      failures.map(({ name }) => name),
      [/outer > inner > one/, /throws > boom/],
    )
    t.match(failures[0]?.details.diff, /-2\n\+1/)
    t.match(await readFile(log, 'utf8'), /# Subtest: outer/)
  },
)

t.test('a file that dies, hangs, says nothing or has a test that never ends has failed', async (t) => {
  const failure = async (text: string, timeout?: number) => (await run(t, text, timeout)).failures[0]?.name
  const names = await Promise.all([
    failure('process.kill(process.pid, "SIGKILL")'),
    failure('process.exit(0)'),
    failure('throw new Error("at its start")'),
    // This limit is in real time. Loading tap alone may take longer on a loaded machine, and then the process is killed.
    failure('t.test("never ends", () => new Promise((resolve) => setTimeout(resolve, 10_000)))', 3_000),
    failure('t.ok(true); t.plan(2)'),
  ])
  t.match(names, [
    'the file ended with SIGKILL',
    'the file has no tests',
    /at its start|the file ended with/,
    /never ends|timeout|the file ended with SIGKILL/,
    'the file ended with 1',
  ])
})

t.test('a file whose tests all pass has no failure', async (t) => {
  t.match(await run(t, 't.test("fine", async (t) => t.ok(true))'), { passed: 1, failures: [] })
})

t.test(
  'each of several files in a process has its own results, also those that it does not reach',
  async (t) => {
    const results = await runAll(t, [
      't.test("one", async (t) => { t.ok(true); t.ok(true) })',
      'throw new Error("at its start")',
      'await t.test("outer", async (t) => { await t.test("inner", async (t) => t.equal(1, 2, "one")) })',
      '',
      't.test("dies", async (t) => { t.ok(true); process.kill(process.pid, "SIGKILL") })',
      't.test("would pass", async (t) => t.ok(true))',
    ])
    t.match(
      results.map(({ passed, failures }) => [passed, failures.map(({ name }) => name)]),
      [
        [2, []],
        [0, [/at its start/]],
        [0, [/outer > inner > one/]],
        [0, ['the file has no tests']],
        [1, ['the file ended with SIGKILL']],
        [0, ['the file was not reached, since its process ended']],
      ],
    )
  },
)
