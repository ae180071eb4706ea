/**
 * How long to wait before the next attempt, in milliseconds: "full jitter", anywhere between nothing and a bound that
 * doubles. A thousand clients that lose their gateway at once come back spread out, not as one herd.
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function backoff(attempt: number): number {
  return Math.random() * Math.min(10_000, 500 * 2 ** attempt)
}
