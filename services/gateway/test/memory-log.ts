import { EventEmitter, once } from 'node:events'
import { type LogEvent, RabbleError, type Signal } from '@rabble/contract'
import { type EventLog, type LogBatch, type LogStart, partitionOf } from '@rabble/event-log'

/** A log in memory for several gateways in one test, which can be told to fail. */
export interface MemoryLog extends EventLog {
  /** While true, publishing fails with `unavailable`. */
  broken: boolean
  /** While true, events are stored and confirmed, but the publisher is told that they were not. */
  losesConfirms: boolean
  /** What does not arrive although nothing looks wrong. */
  deaf: 'log' | 'signals' | undefined
  /** Writes any line, as a stranger with access to the broker could. */
  inject(line: string, partition?: number): void
  /** Events that were published so far. */
  readonly length: number
}

export function createMemoryLog(partitions = 1): MemoryLog {
  const logs: { line: string; at: number }[][] = Array.from({ length: partitions }, () => [])
  const news = new EventEmitter().setMaxListeners(0)
  const listeners = new Set<(signal: Signal) => void>()
  const closed = new AbortController()
  let deaf: MemoryLog['deaf']

  function append(partition: number, line: string): void {
    logs[partition]?.push({ line, at: Date.now() })
    news.emit(`${partition}`)
  }

  function start(partition: number, from: LogStart): number {
    const log = logs[partition] ?? []
    if (from === 'first') return 0
    if (from === 'next') return log.length
    if ('after' in from) return from.after + 1
    const index = log.findIndex(({ at }) => at >= from.since)
    return index === -1 ? log.length : index
  }

  return {
    partitions,
    broken: false,
    losesConfirms: false,
    get deaf() {
      return deaf
    },
    set deaf(what) {
      deaf = what
      for (const partition of logs.keys()) news.emit(`${partition}`)
    },
    get length() {
      return logs.reduce((sum, log) => sum + log.length, 0)
    },
    inject: (line, partition = 0) => append(partition, line),
    async publish(event: LogEvent) {
      await new Promise(setImmediate)
      if (this.broken) throw new RabbleError('unavailable', 'the log is down')
      append(partitionOf(event.room, partitions), JSON.stringify(event))
      if (this.losesConfirms) {
        // As late as with a real log, which gives up after its time limit: the event was read long before.
        await new Promise((resolve) => setTimeout(resolve, 1_000))
        throw new RabbleError('unavailable', 'not confirmed in time')
      }
    },
    async *read(partition: number, from: LogStart, signal: AbortSignal): AsyncIterable<LogBatch[]> {
      const stop = AbortSignal.any([signal, closed.signal])
      let next = start(partition, from)
      while (!stop.aborted) {
        const fresh = deaf === 'log' ? [] : (logs[partition]?.slice(next) ?? [])
        const batches = fresh.map(({ line }, index) => batch(next + index, line))
        next += fresh.length
        if (batches.length > 0) yield batches
        else await once(news, `${partition}`, { signal: stop }).catch(() => {})
      }
    },
    signal(signal) {
      const text = JSON.stringify(signal)
      setImmediate(() => {
        if (deaf === 'signals') return
        for (const listener of listeners) listener(JSON.parse(text) as Signal)
      })
    },
    onSignal(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    status() {
      return this.broken
        ? { connected: false, reason: 'broken', waiting: 0, waitingBytes: 0 }
        : { connected: true, waiting: 0, waitingBytes: 0 }
    },
    async close() {
      closed.abort()
    },
  }
}

function batch(offset: number, line: string): LogBatch {
  try {
    return { offset, entries: [{ event: JSON.parse(line) as LogEvent, line: Buffer.from(line) }] }
  } catch {
    return { offset, entries: [] }
  }
}
