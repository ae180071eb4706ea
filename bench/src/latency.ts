export interface Percentiles {
  p50: number
  p99: number
}

/** Of times in milliseconds, in any order, with two digits. */
export function percentilesOf(times: readonly number[]): Percentiles {
  const sorted = [...times].sort((a, b) => a - b)
  const at = (share: number) =>
    Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) * 100) / 100
  return { p50: at(0.5), p99: at(0.99) }
}
