import { appendFileSync, renameSync, statSync } from 'node:fs'

/**
 * Returns a function that appends to a file. Before the file would exceed `maxBytes`, it becomes `<path>.1`, in place of the one
 * before. A full disk loses lines, but ends nothing.
 */
export function openLogFile(path: string, maxBytes = 16 * 1024 * 1024): (chunk: Buffer) => void {
  let size: number | undefined
  return (chunk) => {
    try {
      size ??= statSync(path, { throwIfNoEntry: false })?.size ?? 0
      if (size > 0 && size + chunk.length > maxBytes) {
        renameSync(path, `${path}.1`)
        size = 0
      }
      appendFileSync(path, chunk, { mode: 0o600 })
      size += chunk.length
    } catch {}
  }
}
