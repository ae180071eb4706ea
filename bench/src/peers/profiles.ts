import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { ManagedProcess } from '@rabble/harness'
import { type CpuProfile, flameGraph } from './flame-graph.ts'

/** Time (ms) in which a process must have written its profile. */
const patience = 20_000

/** Returns the environment of processes that can be profiled. */
export function profiledEnv(folder: string): Record<string, string> {
  const preload = fileURLToPath(new URL('./profile-preload.js', import.meta.url))
  return { NODE_OPTIONS: `--import=${preload}`, BENCH_PROFILES: folder }
}

/** CPU profiles of processes while something is measured. */
export interface Profiles {
  start(): void
  /** Writes the profiles, and a flame graph of each. */
  stop(): Promise<void>
}

/** Returns profiles of the services of Rabble that have the environment of `profiledEnv`, in files that begin with `title`. */
export function profilesOf(folder: string, title: string, processes: readonly ManagedProcess[]): Profiles {
  const services = ['gateway', 'rooms', 'history'].flatMap((service) => {
    const found = processes.find(({ name }) => name.startsWith(service))
    return found === undefined ? [] : [{ service, pid: found.pid }]
  })
  const signal = () => {
    for (const { pid } of services) process.kill(pid, 'SIGURG')
  }
  return {
    start: signal,
    async stop() {
      signal()
      for (const { service, pid } of services) {
        const written = join(folder, `${pid}.cpuprofile`)
        await isWritten(written)
        const path = join(folder, `${title}-${service}`)
        renameSync(written, `${path}.cpuprofile`)
        const profile = JSON.parse(readFileSync(`${path}.cpuprofile`, 'utf8')) as CpuProfile
        writeFileSync(`${path}.svg`, flameGraph(`${service}, ${title}`, profile))
      }
    },
  }
}

/** Waits until the file is there and grows no more. */
async function isWritten(path: string): Promise<void> {
  const until = performance.now() + patience
  for (let size = -1; ; ) {
    const now = existsSync(path) ? statSync(path).size : -1
    if (now > 0 && now === size) return
    if (performance.now() > until) throw new Error(`a process has not written its profile: ${path}`)
    size = now
    await sleep(200)
  }
}
