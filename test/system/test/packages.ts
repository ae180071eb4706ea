import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { privateFolder, type TestContext } from '@rabble/harness'
import { repository } from './repository.ts'

/** Packages that npm gets. */
export const packageNames = ['client', 'react'] as const

export interface Packages {
  /** Path of the tarball of @rabble/client. */
  client: string
  /** Path of the tarball of @rabble/react. */
  react: string
  /** Folder of the projects, outside the clone. */
  projects: string
  /**
   * Creates a project with these files, and installs packages in it: tarballs without a network, others from the registry. Returns its
   * path.
   */
  createProject(
    name: string,
    files: Readonly<Record<string, string>>,
    packages?: readonly string[],
  ): Promise<string>
  /** Runs a program in a folder. Returns its output; an error has it, too. */
  run(folder: string, program: string, ...args: string[]): Promise<string>
  /** Runs Node.js in a folder. */
  node(folder: string, ...args: string[]): Promise<string>
  /** Makes tarballs of folders. Returns their paths. */
  pack(...folders: string[]): Promise<string[]>
}

/** Makes the tarballs, as `make package` does, outside the clone: nothing of the workspace is found from there. */
export async function preparePackages(
  t: TestContext,
  variables: Readonly<Record<string, string>> = {},
): Promise<Packages> {
  const folder = privateFolder(t, 'packages')
  const projects = join(folder, 'projects')
  const env = { PATH: process.env.PATH, HOME: folder, npm_config_update_notifier: 'false', ...variables }

  const run = (cwd: string, program: string, ...args: string[]) => execute(cwd, program, args, env)
  const node = (cwd: string, ...args: string[]) => run(cwd, process.execPath, ...args)

  async function pack(...folders: string[]): Promise<string[]> {
    const output = await run(folder, 'npm', 'pack', '--silent', ...folders)
    const files = output.trim().split('\n')
    return files.map((file) => join(folder, file))
  }

  await Promise.all(
    packageNames.map((name) =>
      node(repository, 'packages/packaging/dist/src/main.js', name, join(folder, name)),
    ),
  )
  const [client = '', react = ''] = await pack(...packageNames.map((name) => `./${name}`))

  return {
    client,
    react,
    projects,
    run,
    node,
    pack,
    async createProject(name, files, packages = [client]) {
      const project = join(projects, name)
      mkdirSync(project, { recursive: true })
      for (const [file, text] of Object.entries(files)) writeFileSync(join(project, file), text)
      const isLocal = packages.every((path) => path.startsWith('/'))
      const options = [...(isLocal ? ['--offline'] : []), '--no-audit', '--no-fund', '--loglevel=error']
      // The settings of this machine say how the registry is reached.
      const from = isLocal ? env : { ...process.env, ...variables }
      await execute(project, 'npm', ['install', ...options, ...packages], from)
      return project
    },
  }
}

async function execute(
  cwd: string,
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<string> {
  try {
    return (await promisify(execFile)(program, args, { cwd, env, timeout: 500_000 })).stdout
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    throw new Error(`${program} ${args.join(' ')}\n${stdout}\n${stderr}`)
  }
}
