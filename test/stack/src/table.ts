/** Measurements of one step. Times are in milliseconds, except `seconds`. */
export interface StepResult {
  name: string
  seconds: number
  acknowledged: number
  delivered: number
  /** Time of the slowest acknowledgement, including its client's reconnects and retries. */
  slowest: number
  /** Time of each disconnection, from the loss until the client was in its room again. */
  away: readonly number[]
  /** Number of these that the gateway had requested. */
  asked: number
}

const heads = [
  'step',
  's',
  'acked',
  'delivered',
  'slowest ms',
  'came back',
  'asked',
  'p50 ms',
  'p99 ms',
  'max ms',
]

/** Returns a table with a line for each step, for people. */
export function tableOf(steps: readonly StepResult[]): string {
  const rows = steps.map(({ name, seconds, acknowledged, delivered, slowest, away, asked }) => [
    name,
    String(Math.round(seconds)),
    String(acknowledged),
    String(delivered),
    String(Math.round(slowest)),
    String(away.length),
    String(asked),
    ...[0.5, 0.99, 1].map((share) => (away.length === 0 ? '' : String(Math.round(quantile(away, share))))),
  ])
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd()
  return [line(heads), ...rows.map(line)].join('\n')
}

/** Returns the smallest of `values` that `share` (0 to 1) of them don't exceed. @throws Error if there are none */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other)
  const found = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]
  if (found === undefined) throw new Error('there are no values')
  return found
}
