import { randomBytes } from 'node:crypto'
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** As RABBLE_SECRET. */
const shortest = 32

/**
 * The secret of somebody who was told none: a random one in the file `secret` of a folder that exists, made at the first
 * call. It can be read by its owner only.
 * @throws Error that names the file if it can't be read or made, or holds no secret
 */
export function ownSecret(folder: string): string {
  const path = join(folder, 'secret')
  const known = readSecretFile(path)
  if (known !== undefined) return known
  // Written whole before it gets its name, so that nobody ever reads, or is left with, half of one.
  const draft = `${path}.${process.pid}`
  rmSync(draft, { force: true })
  writeFileSync(draft, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx', flush: true })
  try {
    linkSync(draft, path)
  } catch (error) {
    // Somebody else was faster: then theirs it is.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(draft, { force: true })
  }
  const made = readSecretFile(path)
  if (made === undefined) throw new Error(`${path} can't be made`)
  return made
}

/** Undefined if there is no such file. */
export function readSecretFile(path: string): string | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8').trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Error(`${path} can't be read: ${(error as Error).message}`, { cause: error })
  }
  if (text.length < shortest) throw new Error(`${path} holds no secret of ${shortest} characters or more`)
  return text
}
