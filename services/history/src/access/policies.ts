import type { Clock, Timer } from '@rabble/clock'
import type { RoomsClient } from '@rabble/rooms/client'
import { copyPolicies, type PolicyCopy } from '@rabble/rooms/policy-copy'
import type { Logger } from '@rabble/service'
import type { HistoryMetrics } from '../metrics.ts'

/**
 * How often (ms) the rooms service is asked for newer policies. Gateways are told by signals; for history these would bring every
 * typing notice along, and an empty answer costs less.
 */
const interval = 1_000

/** History's copy of the policies, which is kept up to date from `start` to `close`. */
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
        // One failure is no news: rooms may start just now, too.
        if (failures !== 2) return
        told = true
        logger.warn(
          { err: error },
          'the rooms service does not answer; reads go by the policies it told last',
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
