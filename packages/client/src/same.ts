/** Returns `before` if it has the same entries as `next`: snapshots keep their identity while nothing has changed. */
export function same<T extends object>(before: T | undefined, next: T): T {
  const entries = Object.entries(next)
  const isSame =
    before !== undefined &&
    Object.keys(before).length === entries.length &&
    entries.every(([key, value]) => before[key as keyof T] === value)
  return isSame ? before : next
}

/** Returns an object with these properties of another one. */
export function pick<T extends object, K extends keyof T>(from: T, ...keys: K[]): Pick<T, K> {
  return Object.fromEntries(keys.map((key) => [key, from[key]])) as Pick<T, K>
}
