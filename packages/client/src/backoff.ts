/**
 * Returns the wait (ms) before the next attempt, with "full jitter": a random value between zero and a bound that doubles. A
 * thousand clients that lose their gateway at once reconnect spread out.
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function backoff(attempt: number): number {
  return Math.random() * Math.min(10_000, 500 * 2 ** attempt)
}
