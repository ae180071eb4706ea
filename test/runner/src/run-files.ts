import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type FinalResults, Parser, type Result } from 'tap-parser'
import { fileOf } from './file-comment.ts'
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
  /** Path of the output of its process. */
  log: string
}

export interface RunOptions {
  repository: string
  env: NodeJS.ProcessEnv
  /** Options of Node for the process. */
  nodeOptions: readonly string[]
  /** Path to which the output of the process is written. */
  log: string
  /** Maximum run time (ms). */
  timeout: number
  /** Signal that ends the run. */
  signal: AbortSignal
}

const main = fileURLToPath(new URL('./files-main.js', import.meta.url))

/** Runs test files in one process, one after the other. Never rejects: files that die, hang or are not reached are failures. */
export async function runFiles(files: readonly TestFile[], options: RunOptions): Promise<FileResult[]> {
  const parser = new Parser()
  const runs = follow(parser, files)
  const whole = new Promise<FinalResults>((resolve) => parser.on('complete', resolve))

  const log = createWriteStream(options.log)
  const child = spawn(
    process.execPath,
    [...options.nodeOptions, '--enable-source-maps', main, ...files.map(({ compiled }) => compiled)],
    {
      cwd: options.repository,
      // tap's own limit is 30 s for a process.
      env: { ...options.env, TAP_TIMEOUT: String(options.timeout / 1000) },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  child.stdout.on('data', (data: Buffer) => {
    log.write(data)
    parser.write(data)
  })
  child.stderr.on('data', (data: Buffer) => log.write(data))
  const stop = () => void child.kill('SIGINT')
  options.signal.addEventListener('abort', stop)
  // tap's timeout in the process comes first, and reports the test. This one is for a process that hangs.
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeout + 30_000)
  const end = await new Promise<string | undefined>((resolve) => {
    child.on('error', (error) => resolve(error.message))
    child.on('close', (code, signal) => resolve(code === 0 ? undefined : `ended with ${signal ?? code}`))
  })
  clearTimeout(timer)
  options.signal.removeEventListener('abort', stop)
  parser.end()
  const { ok } = await whole
  await new Promise<void>((resolve) => log.end(resolve))

  const ended = performance.now()
  const failed = runs.some(({ failures }) => failures.length > 0)
  const last = runs.findLast(({ began }) => began !== undefined) ?? runs[0]
  // A failed assertion ends the process with 1.
  const died = end !== undefined && !(failed && end === 'ended with 1')
  for (const run of runs) {
    if (run.failures.length > 0) continue
    const fail = (name: string) => run.failures.push({ name, details: {} })
    if (run === last && died) fail(`the file ${end}`)
    else if (run.began === undefined) fail('the file was not reached, since its process ended')
    else if (run.count === 0) fail('the file has no tests')
    else if (run === last && !failed && !ok) fail('the file did not finish its tests')
  }
  return runs.map(({ file, passed, failures, began = ended }, i) => {
    const seconds = ((runs[i + 1]?.began ?? ended) - began) / 1000
    return { file, passed, failures, seconds, log: options.log }
  })
}

interface FileRun {
  file: TestFile
  /** Time of its first output (ms). Undefined before. */
  began: number | undefined
  /** Number of its results at the top level. */
  count: number
  passed: number
  failures: Failure[]
}

/** Assigns results to files. Counts assertions at any depth; a test counts only if it failed without a failed assertion. */
function follow(root: Parser, files: readonly TestFile[]): FileRun[] {
  const runs = files.map((file): FileRun => ({ file, began: undefined, count: 0, passed: 0, failures: [] }))
  let run: FileRun | undefined
  root.on('comment', (comment: string) => {
    const compiled = fileOf(comment)
    const next = runs.find(({ file, began }) => began === undefined && file.compiled === compiled)
    if (next === undefined) return
    next.began = performance.now()
    run = next
  })
  root.on('assert', () => {
    if (run !== undefined) run.count++
  })
  followFailures(root)
  return runs

  function followFailures(parser: Parser): void {
    let failedBefore: number | undefined
    parser.on('child', (child: Parser) => {
      failedBefore = run?.failures.length
      followFailures(child)
    })
    parser.on('assert', (result: Result) => {
      if (run === undefined) return
      const ofTest = failedBefore !== undefined
      const alreadyTold = ofTest && run.failures.length !== failedBefore
      failedBefore = undefined
      if (result.ok) run.passed += ofTest ? 0 : 1
      else if (!alreadyTold) run.failures.push({ name: result.fullname, details: detailsOf(result) })
    })
  }
}

function detailsOf({ diag }: Result): Record<string, unknown> {
  return typeof diag === 'object' && diag !== null ? diag : {}
}
