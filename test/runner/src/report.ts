import { inspect } from 'node:util'
import { type Part, parts } from './parts.ts'
import type { Failure, FileResult } from './run-files.ts'

/** Returns the line for a file that has ended. */
export function lineOf({ file, passed, failures, seconds }: FileResult): string {
  const verdict = failures.length === 0 ? 'ok    ' : 'FAILED'
  const failed = failures.length === 0 ? '' : `, ${failures.length} failed`
  return `${verdict} ${inSeconds(seconds)}  ${file.source}  (${passed} passed${failed})`
}

/** Returns the failures of a file: the tests, the reasons, and the path of its output. */
export function failuresOf({ file, failures, log }: FileResult): string {
  const shown = failures.slice(0, 10)
  const more = failures.length > shown.length ? [`  … and ${failures.length - shown.length} more`] : []
  return [`${file.source}:`, ...shown.flatMap(failureLines), ...more, `  all that it wrote: ${log}`].join(
    '\n',
  )
}

function failureLines({ name, details }: Failure): string[] {
  const { diff, found, wanted, message, stack } = details
  const why =
    diff ??
    message ??
    (found === undefined && wanted === undefined ? '' : `found ${inspect(found)}, wanted ${inspect(wanted)}`)
  const text = [why, stack].filter((part) => typeof part === 'string' && part !== '').join('\n')
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return [`  not ok: ${name}`, ...lines.slice(0, 30).map((line) => `      ${line}`)]
}

export interface PartTime {
  part: Part
  files: number
  /** Time from the start of its first file to the end of its last one. */
  seconds: number
}

/** Returns the time of each part, the slowest files, and `N passed, N failed` as the last line. */
export function summaryOf(
  results: readonly FileResult[],
  times: readonly PartTime[],
  seconds: number,
): string {
  const slowest = results.toSorted((a, b) => b.seconds - a.seconds).slice(0, 10)
  const sum = (count: (result: FileResult) => number) =>
    results.reduce((sum, result) => sum + count(result), 0)
  const width = Math.max(...parts.map(({ length }) => length))
  return [
    'Parts (wall time; parts overlap a little):',
    ...times.map(
      ({ part, files, seconds }) => `  ${part.padEnd(width)} ${inSeconds(seconds)}  ${files} files`,
    ),
    `  ${'all'.padEnd(width)} ${inSeconds(seconds)}  ${results.length} files`,
    'Slowest files:',
    ...slowest.map(({ file, seconds }) => `  ${inSeconds(seconds)}  ${file.source}`),
    `${sum(({ passed }) => passed)} passed, ${sum(({ failures }) => failures.length)} failed`,
  ].join('\n')
}

function inSeconds(seconds: number): string {
  return `${seconds.toFixed(1).padStart(6)} s`
}
