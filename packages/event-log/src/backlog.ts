import { RabbleError } from '@rabble/contract'
import type { LogObserver, PublishLimits } from './event-log.ts'

/** Counts the events that wait to be confirmed, over all partitions of a log, which share the limits. */
export class Backlog {
  readonly limits: PublishLimits
  readonly observer: LogObserver
  events = 0
  bytes = 0

  constructor(limits: PublishLimits, observer: LogObserver) {
    this.limits = limits
    this.observer = observer
  }

  hasRoomFor(bytes: number): boolean {
    return this.events < this.limits.maxWaiting && this.bytes + bytes <= this.limits.maxWaitingBytes
  }

  add(bytes: number): void {
    this.events++
    this.bytes += bytes
  }

  remove(bytes: number): void {
    this.events--
    this.bytes -= bytes
  }

  /** Counts events that are refused for one reason. Returns the error for them. */
  refuse(events: number, reason: 'full' | 'timeout' | 'closed'): RabbleError {
    this.observer.refused?.(events, reason)
    return new RabbleError('unavailable', sentences[reason], { retryAfter: 1000 })
  }
}

const sentences = {
  full: 'too many messages wait to be stored',
  timeout: 'the message could not be stored in time',
  closed: 'the server is stopping',
}
