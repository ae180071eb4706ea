import type { Clock, Timer } from '@rabble/clock'
import type { RoomsClient } from '@rabble/rooms/client'
import { copyPolicies, type PolicyCopy } from '@rabble/rooms/policy-copy'
import type { Logger } from '@rabble/service'
import type { HistoryMetrics } from '../metrics.ts'

/**
 * Time (ms) between two requests for newer policies. Gateways are told by signals. History would receive every typing signal
 * with them, and an empty answer costs less.
 */
const interval = 1_000

/** Keeps history's copy of the policies up to date, from `start` to `close`. */
export function followPolicies(options: {
  rooms: Pick<RoomsClient, 'policies'>
  clock: Clock
  metrics: Pick<HistoryMetrics, 'policiesVersion' | 'roomsErrors'>
  logger: Logger
}): { policies: PolicyCopy; start(): void; close(): void } {
  const { rooms, clock, metrics, logger } = options
  let told = false
  let timer: Timer | undefined
  const copy = copyPolicies({
    rooms,
    observer: {
      fetched(_fresh, version) {
        metrics.policiesVersion.set(version)
        if (told) logger.info({ version }, 'the rooms service answers again')
        told = false
      },
      failed(error, failures) {
        metrics.roomsErrors.inc()
        // A single failure is not logged: the rooms service may be starting too.
        if (failures !== 2) return
        told = true
        logger.warn(
          { err: error },
          'the rooms service does not answer; reads use the policies that are known',
        )
      },
    },
    clock,
  })
  return {
    policies: copy,
    start() {
      copy.refresh()
      timer = clock.setInterval(copy.refresh, interval)
    },
    close() {
      timer?.cancel()
      copy.close()
    },
  }
}
