import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { descendants, type TestContext } from '@rabble/harness'
import { cpuSeconds, machineSeconds, residentKibibytes } from '../usage.ts'
import { Generator } from './generator.ts'
import type { Check, Latency, Load } from './load.ts'
import type { System } from './systems.ts'

export interface Times {
  seconds: number
  warmup: number
}

export interface Result {
  deliveriesPerSecond: number
  /** CPU time (µs) of all server processes per delivery. */
  microseconds: number
  latencyMs: Latency
  serverCores: number
  /** If this is about 1, the generator was the limit, and the system can deliver more per second. */
  generatorCores: number
  otherCores: number
  check: Check
}

export interface ConnectResult {
  connectionsPerSecond: number
  /** CPU time (µs) of all server processes to connect a client and to let it enter a room. */
  microseconds: number
  /** Memory (RSS, KiB) that all server processes have more of, for each connection. */
  kibibytes: number
  generatorCores: number
}

/** Binds all server processes to one core, and the generator to another one, if there are several. */
const cores = availableParallelism() > 1 ? { servers: '0', generator: '1' } : undefined

export async function measure(t: TestContext, system: System, load: Load, times: Times): Promise<Result> {
  const generator = await startPinned(t, system)
  try {
    await generator.connect(load)
    await generator.start()
    await sleep(times.warmup * 1_000)
    const look = async () => ({
      ...(await generator.counts()),
      at: performance.now() / 1_000,
      servers: secondsOf(system),
      generator: cpuSeconds(generator.pid),
      machine: machineSeconds(),
    })
    const before = await look()
    await sleep(times.seconds * 1_000)
    const after = await look()
    const check = await generator.finish()
    const more = (what: 'delivered' | 'at' | 'servers' | 'generator' | 'machine') =>
      after[what] - before[what]
    const perSecond = (what: Parameters<typeof more>[0]) => more(what) / more('at')
    if (more('delivered') === 0) throw new Error('nothing was delivered')
    return {
      deliveriesPerSecond: Math.round(perSecond('delivered')),
      microseconds: round((more('servers') / more('delivered')) * 1e6),
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

/** Measures connecting, and the memory of connections that do nothing. */
export async function measureConnecting(t: TestContext, system: System, load: Load): Promise<ConnectResult> {
  const generator = await startPinned(t, system)
  try {
    const [servers, used, held] = [secondsOf(system), cpuSeconds(generator.pid), memoryOf(system)]
    const { seconds } = await generator.connect(load)
    const connections = load.rooms * load.members
    const [serversThen, usedThen] = [secondsOf(system), cpuSeconds(generator.pid)]
    // What is collected and written behind the connecting is done by then.
    await sleep(5_000)
    return {
      connectionsPerSecond: Math.round(connections / seconds),
      microseconds: Math.round(((serversThen - servers) / connections) * 1e6),
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

function secondsOf({ processes }: System): number {
  return processes.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0)
}

function memoryOf({ processes }: System): number {
  return processes.reduce((sum, { pid }) => sum + residentKibibytes(pid), 0)
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
