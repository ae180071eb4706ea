import { collectDefaultMetrics, Registry } from 'prom-client'

let metrics: Registry | undefined

/**
 * Returns the metrics of any Node process: CPU time, memory, files, garbage collection, delay of the event loop. There is one
 * registry for the process, since their collectors can't be removed.
 */
export function processMetrics(): Registry {
  if (metrics === undefined) {
    metrics = new Registry()
    collectDefaultMetrics({ register: metrics })
    // These metrics visit every open socket at each scrape, and their lists by kind repeat other metrics.
    for (const kind of ['handles', 'requests', 'resources']) {
      metrics.removeSingleMetric(`nodejs_active_${kind}`)
      metrics.removeSingleMetric(`nodejs_active_${kind}_total`)
    }
  }
  return metrics
}
