/**
 * Promise that is settled from outside, as by `Promise.withResolvers`, which Node.js 20 lacks. A rejection that nobody awaits is
 * ignored.
 */
export class Deferred<T> {
  resolve!: (value: T) => void
  reject!: (error: unknown) => void
  readonly promise = new Promise<T>((resolve, reject) => {
    this.resolve = resolve
    this.reject = reject
  })

  constructor() {
    this.promise.catch(() => {})
  }
}
