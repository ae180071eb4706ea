import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Path of the repository, seen from test/stack/dist/src/upgrade. */
const repository = fileURLToPath(new URL('../../../../../', import.meta.url))

/** The oldest version with all services, and so the first schema of their databases. */
export const firstVersion = '0daf70f83ddaf64a6b65551fa1b99da3f151c148'

/** Services that a version runs as processes. */
export const services = ['rooms', 'history', 'gateway'] as const
export type ServiceName = (typeof services)[number]

/** A built version of Rabble. */
export interface Version {
  /** Name for people, such as `the first version`. */
  name: string
  /** Folder of its repository. */
  folder: string
}

/** The version of this clone, which is built. */
export const newest: Version = { name: 'this version', folder: repository }

/** Returns the commit before the newest change of a schema. */
export async function commitBeforeNewestSchema(): Promise<string> {
  const added = ['log', '-1', '--format=%H', '--diff-filter=A', '--', 'services/*/migrations/*.sql']
  return git('rev-parse', `${await git(...added)}^1`)
}

/**
 * Builds the services of a commit in dist/versions, unless they are there.
 * @throws Error if this clone lacks the commit, or if it can't be built
 */
export async function buildVersion(name: string, commit: string): Promise<Version> {
  const id = await git('rev-parse', '--verify', '--quiet', `${commit}^{commit}`).catch(() => {
    throw new Error(
      `this clone has no commit ${commit}; a shallow one gets it by: git fetch --unshallow --tags`,
    )
  })
  const folder = join(repository, 'dist/versions', id.slice(0, 12))
  const built = join(folder, 'node_modules/.built')
  if (!existsSync(built)) {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    await run('bash', ['-c', `git -C "$0" archive ${id} | tar -x -C "$1"`, repository, folder])
    await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder })
    const packages = services.map((service) => `services/${service}`)
    await run(join(folder, 'node_modules/.bin/tsc'), ['-b', ...packages], { cwd: folder })
    writeFileSync(built, '')
  }
  return { name: `${name}, ${id.slice(0, 7)}`, folder }
}

/** Returns the script of a service of a version. */
export function scriptOf(version: Version, service: ServiceName): string {
  return join(version.folder, `services/${service}/dist/src/main.js`)
}

async function git(...args: string[]): Promise<string> {
  const { stdout } = await run('git', args, { cwd: repository })
  return stdout.trim()
}
