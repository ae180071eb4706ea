import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

export interface DockerOptions {
  /** Variables added to those that a Docker client needs. No others can get into a file in which Docker substitutes them. */
  env?: Readonly<Record<string, string>>
  /** Text for its standard input. */
  input?: string
  /** Timeout (ms). Default: 60,000. */
  timeout?: number
}

/** A `docker` command that failed. */
export class DockerError extends Error {
  override readonly name = 'DockerError'
}

/** Environment variables of the Docker client, as opposed to those of Rabble or another project. */
const clients =
  /^(PATH|HOME|USER|TMPDIR|SSH_\w+|XDG_\w+|DOCKER_\w+|BUILDX_\w+|BUILDKIT_\w+|\w+_PROXY|\w+_proxy)$/

/** Maximum number of lines of an error. */
const shown = 15

/** Runs `docker`, and resolves with its standard output. @throws DockerError */
export async function docker(args: readonly string[], options: DockerOptions = {}): Promise<string> {
  return run('docker', args, options)
}

export async function run(
  command: string,
  args: readonly string[],
  { env = {}, input = '', timeout = 60_000 }: DockerOptions = {},
): Promise<string> {
  const child = spawn(command, args, { env: { ...ownEnvironment(), ...env }, stdio: 'pipe' })
  let output = ''
  const last: string[] = []
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  createInterface(child.stderr).on('line', (line) => {
    last.push(line)
    if (last.length > shown) last.shift()
  })
  // The process may have ended without reading its input.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  let late = false
  const timer = setTimeout(() => {
    late = true
    child.kill('SIGKILL')
  }, timeout)
  try {
    const code = await new Promise<number | string>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code, signal) => resolve(code ?? String(signal)))
    })
    if (code === 0) return output
    const what = `${command} ${args.join(' ').slice(0, 200)}`
    const why = late ? `took longer than ${timeout / 1_000} s` : `ended with ${code}`
    throw new DockerError(`${what} ${why}:\n${last.join('\n') || output.slice(-1_000)}`)
  } finally {
    clearTimeout(timer)
  }
}

function ownEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      clients.test(name) && value !== undefined ? [[name, value]] : [],
    ),
  )
}

/** Returns the reason why this machine's Docker can't run these tests, for people; undefined if it can. */
export async function lackOfDocker(): Promise<string | undefined> {
  const wanted = [
    ['the docker command', ['--version']],
    ['a Docker engine that answers', ['info', '--format', '{{.ServerVersion}}']],
    ['Docker Compose 2.23.1 or newer', ['compose', 'version', '--short']],
  ] as const
  for (const [what, args] of wanted) {
    const found = await docker(args).catch((error: Error) => error)
    if (found instanceof Error) return `this needs ${what}:\n${found.message}`
    if (args[0] !== 'compose') continue
    const [major = 0, minor = 0] = found.replace(/^v/, '').split('.').map(Number)
    if (major < 2 || (major === 2 && minor < 23)) return `this needs ${what}; here is ${found.trim()}`
  }
  return undefined
}

/**
 * Kills a container's first process with SIGKILL, as the kernel does when memory is short. After `docker kill` Docker would
 * take the container for stopped on purpose and wouldn't restart it. The kill runs in a container, since the engine may be in
 * a virtual machine.
 */
export async function killHard(container: string, image: string): Promise<void> {
  const pid = (await docker(['inspect', '--format', '{{.State.Pid}}', container])).trim()
  if (!/^[1-9]\d+$/.test(pid)) throw new DockerError(`${container} has no process`)
  const rights = [
    '--pid',
    'host',
    '--user',
    '0',
    '--cap-drop',
    'ALL',
    '--cap-add',
    'KILL',
    '--network',
    'none',
  ]
  await docker([
    'run',
    '--rm',
    ...rights,
    '--no-healthcheck',
    '--entrypoint',
    'sh',
    image,
    '-c',
    `kill -9 ${pid}`,
  ])
}
