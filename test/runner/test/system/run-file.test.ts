import { writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { privateFolder } from '@rabble/harness'
import t, { type Test } from 'tap'
import { type FileResult, runFile } from '../../src/run-file.ts'

const tap = pathToFileURL(createRequire(import.meta.url).resolve('tap')).href

/** Runs a file with this text, in which `t` is tap's. */
async function run(t: Test, text: string, timeout = 120_000): Promise<FileResult> {
  const folder = privateFolder(t, 'run-file')
  writeFileSync(join(folder, 'x.test.mjs'), `import tap from '${tap}'\nconst { t } = tap\n${text}`)
  return runFile(
    { part: 'unit', source: 'x.test.ts', compiled: 'x.test.mjs' },
    {
      repository: folder,
      env: process.env,
      log: join(folder, 'log'),
      timeout,
      signal: new AbortController().signal,
    },
  )
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
    // This limit is in real time.
    failure('t.test("never ends", () => new Promise((resolve) => setTimeout(resolve, 10_000)))', 3_000),
    failure('t.ok(true); t.plan(2)'),
  ])
  t.match(names, [
    'the file ended with SIGKILL',
    'the file has no tests',
    /at its start|the file ended with/,
    /never ends|timeout/,
    'the file ended with 1',
  ])
})

t.test('a file whose tests all pass has no failure', async (t) => {
  t.match(await run(t, 't.test("fine", async (t) => t.ok(true))'), { passed: 1, failures: [] })
})
