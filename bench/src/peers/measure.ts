import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { descendants, type TestContext } from '@rabble/harness'
import { cpuSeconds, machineSeconds, residentKibibytes } from '../usage.ts'
import { Generator } from './generator.ts'
import type { Check, Latency, Load } from './load.ts'
import type { Profiles } from './profiles.ts'
import type { System } from './systems.ts'

export interface Times {
  seconds: number
  warmup: number
}

export interface Result {
  deliveriesPerSecond: number
  /** CPU time (µs) of all server processes per delivery, and the part of each kind of process. */
  microseconds: number
  parts: Record<string, number>
  latencyMs: Latency
  serverCores: number
  /** If this is about 1, the generator was the limit, and the system can deliver more per second. */
  generatorCores: number
  otherCores: number
  check: Check
}

export interface ConnectResult {
  connectionsPerSecond: number
  /** CPU time (µs) of all server processes to connect a client and to let it enter a room, and the part of each kind of process. */
  microseconds: number
  parts: Record<string, number>
  /** Memory (RSS, KiB) that all server processes have more of, for each connection. */
  kibibytes: number
  generatorCores: number
}

/** Binds all server processes to one core, and the generator to another one, if there are several. */
const cores = availableParallelism() > 1 ? { servers: '0', generator: '1' } : undefined

export async function measure(
  t: TestContext,
  system: System,
  load: Load,
  times: Times,
  profiles?: Profiles,
): Promise<Result> {
  const generator = await startPinned(t, system)
  try {
    await generator.connect(load)
    await generator.start()
    await sleep(times.warmup * 1_000)
    const look = async () => ({
      ...(await generator.counts()),
      at: performance.now() / 1_000,
      parts: secondsOf(system),
      servers: sum(secondsOf(system)),
      generator: cpuSeconds(generator.pid),
      machine: machineSeconds(),
    })
    profiles?.start()
    const before = await look()
    await sleep(times.seconds * 1_000)
    const after = await look()
    await profiles?.stop()
    const check = await generator.finish()
    const more = (what: 'delivered' | 'at' | 'servers' | 'generator' | 'machine') =>
      after[what] - before[what]
    const perSecond = (what: Parameters<typeof more>[0]) => more(what) / more('at')
    if (more('delivered') === 0) throw new Error('nothing was delivered')
    return {
      deliveriesPerSecond: Math.round(perSecond('delivered')),
      microseconds: round((more('servers') / more('delivered')) * 1e6),
      parts: partsOf(before.parts, after.parts, more('delivered')),
      latencyMs: after.latency,
      serverCores: round(perSecond('servers')),
      generatorCores: round(perSecond('generator')),
      otherCores: round(Math.max(0, perSecond('machine') - perSecond('servers') - perSecond('generator'))),
      check,
    }
  } finally {
    await generator.stop()
  }
}

/** @throws Error if a system that promises it has lost, repeated or reordered messages */
export function assertKept({ check }: Result): void {
  const { lost, repeated, disordered } = check
  if (lost + repeated + disordered > 0) throw new Error(`a promise was broken: ${JSON.stringify(check)}`)
}

/** Measures connecting, and the memory of connections that do nothing. */
export async function measureConnecting(
  t: TestContext,
  system: System,
  load: Load,
  profiles?: Profiles,
): Promise<ConnectResult> {
  const generator = await startPinned(t, system)
  try {
    const [parts, used, held] = [secondsOf(system), cpuSeconds(generator.pid), memoryOf(system)]
    profiles?.start()
    const { seconds } = await generator.connect(load)
    const connections = load.rooms * load.members
    const [partsThen, usedThen] = [secondsOf(system), cpuSeconds(generator.pid)]
    await profiles?.stop()
    // Work that follows the connecting, such as garbage collection, is done by then.
    await sleep(5_000)
    return {
      connectionsPerSecond: Math.round(connections / seconds),
      microseconds: Math.round(((sum(partsThen) - sum(parts)) / connections) * 1e6),
      parts: partsOf(parts, partsThen, connections),
      kibibytes: round((memoryOf(system) - held) / connections),
      generatorCores: round((usedThen - used) / seconds),
    }
  } finally {
    await generator.stop()
  }
}

async function startPinned(t: TestContext, system: System): Promise<Generator> {
  const generator = new Generator(t)
  if (cores === undefined) return generator
  pin(generator.pid, cores.generator)
  for (const { pid } of system.processes) {
    for (const member of [pid, ...descendants(pid)]) pin(member, cores.servers)
  }
  return generator
}

/** Binds a process, with all of its threads, to a core. Its later children inherit that. */
function pin(pid: number, core: string): void {
  execFileSync('taskset', ['-acp', core, String(pid)], { stdio: 'ignore' })
}

/** Returns the CPU seconds of the processes, by their names. Processes of one name are added. */
function secondsOf({ processes }: System): Map<string, number> {
  const seconds = new Map<string, number>()
  for (const { name, pid } of processes) seconds.set(name, (seconds.get(name) ?? 0) + cpuSeconds(pid))
  return seconds
}

function sum(seconds: Map<string, number>): number {
  return [...seconds.values()].reduce((total, one) => total + one, 0)
}

/** Returns the CPU time (µs) for each of `count` things, by the names of the processes. */
function partsOf(
  before: Map<string, number>,
  after: Map<string, number>,
  count: number,
): Record<string, number> {
  const of = (name: string, seconds: number) => round(((seconds - (before.get(name) ?? 0)) / count) * 1e6)
  return Object.fromEntries([...after].map(([name, seconds]) => [name, of(name, seconds)]))
}

function memoryOf({ processes }: System): number {
  return processes.reduce((sum, { pid }) => sum + residentKibibytes(pid), 0)
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
