import { connectPostgres } from '@rabble/database'
import type { ChaosSystem } from './system.ts'

/** Something that can go wrong with a part of the system, for a while. */
export interface Fault {
  /** Such as `kill -9`. */
  kind: string
  /** Process or connection that it disturbs. Two faults of one target never overlap. */
  target: string
  /** Begins it, and resolves with the function that ends it. */
  begin(): Promise<() => unknown>
}

/** Settings with which the broker believes that it is short of disk space, and its own. */
const diskLimits = { short: '{mem_relative, 1000000.0}', own: '50000000' }

/** Returns every fault that a system can have. */
export function faultsOf({ processes, edges, rabbitmq, postgres }: ChaosSystem): Fault[] {
  const faults: Fault[] = []
  for (const [target, process] of Object.entries(processes)) {
    faults.push({
      kind: 'kill -9',
      target,
      async begin() {
        await process.kill()
        return () => process.restart()
      },
    })
    faults.push({
      kind: 'frozen',
      target,
      async begin() {
        process.freeze()
        return () => process.thaw()
      },
    })
  }
  for (const [target, edge] of Object.entries(edges)) {
    const kinds = { cut: edge.cut, 'no packets': edge.stall, slow: () => edge.slow(200) }
    for (const [kind, begin] of Object.entries(kinds)) {
      faults.push({
        kind,
        target,
        async begin() {
          begin()
          return edge.mend
        },
      })
    }
  }
  const setDiskLimit = (limit: string) =>
    rabbitmq.evaluate(`rabbit_disk_monitor:set_disk_free_limit(${limit})`)
  faults.push(
    {
      kind: 'memory alarm',
      target: 'rabbitmq',
      async begin() {
        await rabbitmq.shortOfMemory(true)
        return () => rabbitmq.shortOfMemory(false)
      },
    },
    {
      kind: 'disk alarm',
      target: 'rabbitmq',
      async begin() {
        await setDiskLimit(diskLimits.short)
        return () => setDiskLimit(diskLimits.own)
      },
    },
    {
      kind: 'connections closed',
      target: 'rabbitmq',
      async begin() {
        await rabbitmq.evaluate(
          '[rabbit_networking:close_connection(Pid, "a fault") || Pid <- rabbit_networking:connections()], ok',
        )
        return () => {}
      },
    },
    {
      kind: 'backends ended',
      target: 'postgres',
      async begin() {
        const database = await connectPostgres(postgres.url, { connections: 1 })
        try {
          await database.query(
            "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'",
          )
        } finally {
          await database.close()
        }
        return () => {}
      },
    },
  )
  return faults
}
