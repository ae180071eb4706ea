import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { type FinalResults, Parser, type Result } from 'tap-parser'
import type { TestFile } from './parts.ts'

export interface Failure {
  /** Name of the test, with the names of its parent tests. */
  name: string
  /** Details that tap reports, such as `diff` and `stack`. */
  details: Record<string, unknown>
}

export interface FileResult {
  file: TestFile
  passed: number
  failures: Failure[]
  /** Wall time, in seconds. */
  seconds: number
  /** Path of its output. */
  log: string
}

export interface RunOptions {
  repository: string
  env: NodeJS.ProcessEnv
  /** Path to which the file's output is written. */
  log: string
  /** Maximum run time (ms). */
  timeout: number
  /** Signal that ends the run of the file. */
  signal: AbortSignal
}

/** Runs one test file in a process of its own. Never rejects: a file that dies or hangs is a failure. */
export async function runFile(file: TestFile, options: RunOptions): Promise<FileResult> {
  const began = performance.now()
  const parser = new Parser()
  const counts = countAsserts(parser)
  const whole = new Promise<FinalResults>((resolve) => parser.on('complete', resolve))

  const log = createWriteStream(options.log)
  const child = spawn(process.execPath, ['--enable-source-maps', file.compiled], {
    cwd: options.repository,
    // tap's own limit is 30 s for a file.
    env: { ...options.env, TAP_TIMEOUT: String(options.timeout / 1000) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stdout.on('data', (data: Buffer) => {
    log.write(data)
    parser.write(data)
  })
  child.stderr.on('data', (data: Buffer) => log.write(data))
  const stop = () => void child.kill('SIGINT')
  options.signal.addEventListener('abort', stop)
  // tap's timeout in the file comes first, and reports the test. This one is for a file that hangs.
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeout + 30_000)
  const end = await new Promise<string | undefined>((resolve) => {
    child.on('error', (error) => resolve(error.message))
    child.on('close', (code, signal) => resolve(code === 0 ? undefined : `ended with ${signal ?? code}`))
  })
  clearTimeout(timer)
  options.signal.removeEventListener('abort', stop)
  parser.end()
  const { ok, count } = await whole
  const { passed, failures } = counts
  await new Promise<void>((resolve) => log.end(resolve))
  if (failures.length === 0) {
    if (end !== undefined) failures.push({ name: `the file ${end}`, details: {} })
    else if (count === 0) failures.push({ name: 'the file has no tests', details: {} })
    else if (!ok) failures.push({ name: 'the file did not finish its tests', details: {} })
  }
  return { file, passed, failures, seconds: (performance.now() - began) / 1000, log: options.log }
}

interface Counts {
  passed: number
  failures: Failure[]
}

/** Counts assertions at any depth. A test counts as one only if it failed without a failed assertion of its own. */
function countAsserts(parser: Parser): Counts {
  const counts: Counts = { passed: 0, failures: [] }
  function follow(parser: Parser): void {
    let failedBefore: number | undefined
    parser.on('child', (child: Parser) => {
      failedBefore = counts.failures.length
      follow(child)
    })
    parser.on('assert', (result: Result) => {
      const ofTest = failedBefore !== undefined
      const alreadyTold = ofTest && counts.failures.length !== failedBefore
      failedBefore = undefined
      if (result.ok) counts.passed += ofTest ? 0 : 1
      else if (!alreadyTold) counts.failures.push({ name: result.fullname, details: detailsOf(result) })
    })
  }
  follow(parser)
  return counts
}

function detailsOf({ diag }: Result): Record<string, unknown> {
  return typeof diag === 'object' && diag !== null ? diag : {}
}
