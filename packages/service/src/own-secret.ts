import { randomBytes } from 'node:crypto'
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Minimum length of a secret, as of RABBLE_SECRET. */
const shortest = 32

/**
 * Returns the secret of a service that was given none: a random one in the file `secret` of a folder that exists, created at the
 * first call. Only its owner can read it.
 * @throws Error that names the file if it can't be read or created, or holds no secret
 */
export function ownSecret(folder: string): string {
  const path = join(folder, 'secret')
  const known = readSecretFile(path)
  if (known !== undefined) return known
  // Written completely before it gets its name, so that nobody ever reads, or keeps, half of one.
  const draft = `${path}.${process.pid}`
  rmSync(draft, { force: true })
  writeFileSync(draft, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx', flush: true })
  try {
    linkSync(draft, path)
  } catch (error) {
    // Another process was faster, so its secret counts.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(draft, { force: true })
  }
  const made = readSecretFile(path)
  if (made === undefined) throw new Error(`${path} can't be made`)
  return made
}

/** Reads the secret; undefined if there is no such file. */
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
