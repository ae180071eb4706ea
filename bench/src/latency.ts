export interface Percentiles {
  p50: number
  p99: number
}

/** Returns percentiles of times (ms) in any order, rounded to two decimals. */
export function percentilesOf(times: readonly number[]): Percentiles {
  const sorted = [...times].sort((a, b) => a - b)
  const at = (share: number) =>
    Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) * 100) / 100
  return { p50: at(0.5), p99: at(0.99) }
}
