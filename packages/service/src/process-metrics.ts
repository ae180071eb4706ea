import { collectDefaultMetrics, Registry } from 'prom-client'

let metrics: Registry | undefined

/**
 * What any program on Node tells of itself: CPU time, memory, files, garbage collection, how late its event loop is. One
 * registry for the process, since what measures it can't be taken away again.
 */
export function processMetrics(): Registry {
  if (metrics === undefined) {
    metrics = new Registry()
    collectDefaultMetrics({ register: metrics })
    // These walk over every open socket at each scrape, and their lists by kind repeat what other metrics count.
    for (const kind of ['handles', 'requests', 'resources']) {
      metrics.removeSingleMetric(`nodejs_active_${kind}`)
      metrics.removeSingleMetric(`nodejs_active_${kind}_total`)
    }
  }
  return metrics
}
