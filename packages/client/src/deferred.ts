/**
 * Promise that is settled from outside. A rejection that nobody awaits is ignored: the error is also reported elsewhere. The SDK
 * imports only types from other packages, so this repeats `@rabble/clock/deferred`.
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
