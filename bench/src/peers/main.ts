import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { resolve } from 'node:path'
import { print, runBench } from '../bench.ts'
import { chart } from './chart.ts'
import { assertKept, type ConnectResult, measure, measureConnecting, type Result } from './measure.ts'
import { profiledEnv, profilesOf } from './profiles.ts'
import { loadOf, shapes } from './shapes.ts'
import { lacking, type System, systems } from './systems.ts'

const connecting = 'connect'
const systemNames = Object.keys(systems)
// Connecting comes first: after a load, memory of that is given back meanwhile.
const shapeNames = [connecting, ...Object.keys(shapes)]
const listOf = (names: readonly string[]) => new RegExp(`^(${names.join('|')})(,(${names.join('|')}))*$`)

await runBench({
  name: 'peers',
  help: 'Rabble beside Socket.IO, NATS and a bare WebSocket server: cost of a delivery and of a connection, latency, losses',
  options: {
    systems: { default: systemNames.join(','), rule: listOf(systemNames), help: 'to compare' },
    shapes: { default: shapeNames.join(','), rule: listOf(shapeNames), help: 'to measure' },
    members: { default: '1000', rule: /^[1-9]\d{0,3}$/, help: 'clients in all' },
    rate: { default: '30000', rule: /^[1-9]\d{0,6}$/, help: 'deliveries per second of the shape paced' },
    seconds: { default: '8', rule: /^[1-9]\d{0,2}$/, help: 'to measure for, each' },
    warmup: { default: '3', rule: /^\d{1,2}$/, help: 'seconds of the same load before' },
    charts: { default: '', rule: /^.*$/, help: 'folder for the charts, as SVG; none if empty' },
    profiles: {
      default: '',
      rule: /^.*$/,
      help: "folder for flame graphs of Rabble's services; none if empty",
    },
  },
  async run(t, values) {
    const [members, rate] = [Number(values.members), Number(values.rate)]
    const times = { seconds: Number(values.seconds), warmup: Number(values.warmup) }
    const chosen = values.shapes.split(',')
    const profilesFolder = values.profiles === '' ? undefined : resolve(values.profiles)
    for (const folder of [values.charts, values.profiles]) {
      if (folder !== '') mkdirSync(folder, { recursive: true })
    }
    const env = profilesFolder === undefined ? {} : profiledEnv(profilesFolder)
    const results: Record<string, Record<string, Result>> = {}
    const connections: Record<string, ConnectResult> = {}
    const failures: Record<string, string> = {}

    async function measureShape(name: string, keepsPromises: boolean, system: System, shape: string) {
      const profiles =
        profilesFolder === undefined || !keepsPromises
          ? undefined
          : profilesOf(profilesFolder, `${name}-${shape}`, system.processes)
      if (shape in shapes) {
        const load = shapes[shape as keyof typeof shapes].load(members, rate)
        const result = await measure(t, system, loadOf(system, load), times, profiles)
        if (keepsPromises) assertKept(result)
        results[shape] = { ...results[shape], [name]: result }
        print(`  ${shape.padEnd(8)} ${lineOf(result)}`)
      } else if (shape === connecting) {
        const idle = { rooms: Math.ceil(members / 5), members: 5, senders: 0, rate: 0 }
        const result = await measureConnecting(t, system, loadOf(system, idle), profiles)
        connections[name] = result
        const { microseconds, connectionsPerSecond, kibibytes } = result
        print(`  ${shape.padEnd(8)} ${microseconds} µs, ${connectionsPerSecond}/s, ${kibibytes} KiB each`)
      }
    }

    for (const name of values.systems.split(',')) {
      const kind = systems[name]
      if (kind === undefined) continue
      const missing = lacking(kind)
      if (missing !== undefined) {
        print(`${name} is left out: ${missing}`)
        continue
      }
      print(name)
      const teardowns: (() => unknown)[] = []
      let passing = false
      const context = {
        ...t,
        teardown: (work: () => unknown) => teardowns.push(work),
        passing: () => passing,
      }
      try {
        const system = await kind.start(context, env)
        for (const shape of chosen) await measureShape(name, kind.keepsPromises, system, shape)
        passing = true
      } catch (error) {
        // A system that fails under this load ends no measurement of the others.
        if (kind.keepsPromises) throw error
        failures[name] = String(error)
        print(`  failed: ${error}`)
      } finally {
        for (const work of teardowns.reverse()) await work()
      }
    }
    if (values.charts !== '') {
      for (const [shape, bySystem] of Object.entries(results)) {
        const bars = Object.entries(bySystem).map(([name, { microseconds }]) => ({
          name,
          value: microseconds,
        }))
        const title = `${shapes[shape as keyof typeof shapes].help}: CPU time per delivery (µs)`
        writeFileSync(`${values.charts}/peers-${shape}.svg`, chart(title, bars))
      }
    }
    return {
      members,
      rate,
      ...times,
      machine: { cores: availableParallelism(), model: cpus()[0]?.model },
      node: process.version,
      shapes: results,
      connect: connections,
      failures,
    }
  },
})

function lineOf({ microseconds, deliveriesPerSecond, latencyMs, check, ...cores }: Result): string {
  const { serverCores, generatorCores, otherCores } = cores
  const { lost, repeated, disordered } = check
  return [
    `${microseconds} µs, ${deliveriesPerSecond}/s`,
    `p50 ${latencyMs.p50} ms, p99 ${latencyMs.p99} ms`,
    `cores: servers ${serverCores}, generator ${generatorCores}, others ${otherCores}`,
    `lost ${lost}, repeated ${repeated}, rooms in disorder ${disordered}`,
  ].join('; ')
}
