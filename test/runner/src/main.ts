import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { nodeOptionsVariable, shortLived } from '@rabble/harness'
import { findTests, inProcesses, parts, selectTests, type TestFile } from './parts.ts'
import { failuresOf, lineOf, type PartTime, summaryOf } from './report.ts'
import { type FileResult, runFiles } from './run-files.ts'
import { startServers } from './servers.ts'

const help = `Runs tests beside servers that they share, a process for each file, or for several short ones. The files must have been built.

  make test                 everything but the long forms
  make test-unit            one part of: ${parts.join(', ')}
  make test-all             everything, the long forms too
  make test TESTS='FILE …'  the tests in these files or folders

Options, in ARGS='…':
  --jobs N      processes at a time; default: three more than there are cores, since many wait
  --seconds N   that a process may take; default: 600, for the long forms 2400

A file's part is the first folder below its package's test/: if it is no part, the file is a unit test. The output of each file is in .test-output/.
`

/** Path of the repository, seen from test/runner/dist/src. */
const repository = fileURLToPath(new URL('../../../../', import.meta.url))
const output = join(repository, '.test-output')

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: 'boolean' },
    part: { type: 'string', multiple: true },
    all: { type: 'boolean' },
    jobs: { type: 'string', default: String(availableParallelism() + 3) },
    seconds: { type: 'string' },
  },
})
if (values.help) {
  process.stdout.write(help)
  process.exit(0)
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

function select(): TestFile[] {
  const files = findTests(repository)
  if (positionals.length > 0) return selectTests(files, positionals)
  const wanted = values.part ?? parts.filter((part) => values.all || part !== 'long')
  for (const part of wanted) {
    if (!parts.some((known) => known === part))
      throw new Error(`there is no part ${part}, but ${parts.join(', ')}`)
  }
  return files.filter(({ part }) => wanted.includes(part))
}

function positive(option: 'jobs' | 'seconds', usual?: string): number {
  const value = Number(values[option] ?? usual)
  if (Number.isInteger(value) && value > 0) return value
  throw new Error(`--${option} must be a whole number above 0, and is ${values[option]}`)
}

/** Returns the end of a file's output, which includes the last lines of its servers. */
function lastLines(log: string): string {
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n')
  return lines
    .slice(-60)
    .map((line) => `      ${line}`)
    .join('\n')
}

async function run(files: readonly TestFile[], jobs: number, timeout: number): Promise<FileResult[]> {
  const servers = startServers(files.some(({ part }) => part !== 'unit'))
  // Files that need the servers wait for them, and the run ends with this error if they can't be started.
  servers.variables.catch(() => {})
  const stopped = new AbortController()
  const waiting = inProcesses(files)
  const results: FileResult[] = []
  const times = new Map<string, PartTime & { began: number }>()
  const began = performance.now()
  // Long forms run for long enough to be optimized.
  const nodeOptions = values.all ? [] : shortLived
  const form = values.all ? { RABBLE_TEST_LONG: '1' } : { [nodeOptionsVariable]: nodeOptions.join(' ') }

  async function work(): Promise<void> {
    for (;;) {
      const together = waiting.shift()
      const first = together?.[0]
      if (together === undefined || first === undefined) return
      const { part } = first
      const time = times.get(part) ?? { part, files: 0, seconds: 0, began: performance.now() }
      times.set(part, time)
      const env = { ...process.env, ...form, ...(part === 'unit' ? {} : await servers.variables) }
      const log = join(output, `${first.source.replaceAll('/', '__')}.tap`)
      const signal = stopped.signal
      const ended = await runFiles(together, { repository, env, nodeOptions, log, timeout, signal })
      time.files += ended.length
      time.seconds = (performance.now() - time.began) / 1000
      results.push(...ended)
      for (const result of ended) {
        say(lineOf(result))
        if (result.failures.length > 0) say(`${failuresOf(result)}\n  the last of it:\n${lastLines(log)}`)
      }
    }
  }

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      waiting.length = 0
      stopped.abort()
      process.exitCode = 130
    })
  }
  try {
    await Promise.all(Array.from({ length: jobs }, work))
  } finally {
    await servers.stop()
  }
  const failed = results.filter(({ failures }) => failures.length > 0)
  if (failed.length > 0 && files.length > 1) {
    say('\nFailed:')
    for (const result of failed) say(failuresOf(result))
  }
  say(`\n${summaryOf(results, [...times.values()], (performance.now() - began) / 1000)}`)
  return results
}

try {
  rmSync(output, { recursive: true, force: true })
  mkdirSync(output)
  const files = select()
  say(`${files.length} test files, ${values.jobs} processes at a time`)
  const results = await run(files, positive('jobs'), positive('seconds', values.all ? '2400' : '600') * 1000)
  if (results.some(({ failures }) => failures.length > 0) || results.length === 0) process.exitCode ||= 1
} catch (error) {
  process.stderr.write(`test: ${(error as Error).message}\n`)
  process.exitCode = 1
}
