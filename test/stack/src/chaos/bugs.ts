import { fileURLToPath } from 'node:url'
import type { Counts } from './verdict.ts'

/** A defect that is put into a service while Node loads it. The files on the disk stay as they are. */
export interface Bug {
  /** The service that gets it: `gateway`, `history` or `rooms`. */
  service: string
  /** End of the path of a compiled file. */
  file: string
  /** Code of this file, and what takes its place. */
  from: string
  to: string
  /** The promise that it breaks, so that a run must find it. */
  breaks: keyof Counts
  /** Faults that bring it to light, as a regular expression for `kind, target`. Default: none is needed. */
  faults?: string
}

/** Each promise that `judge` checks, and a defect that breaks it. */
export const bugs: Readonly<Record<string, Bug>> = {
  'an event in fifty is not delivered': {
    service: 'gateway',
    file: 'gateway/dist/src/log/log-follower.js',
    from: 'hub.deliver(event, line);',
    to: 'if (Math.random() < 0.98) hub.deliver(event, line);',
    breaks: 'acknowledged and missing',
  },
  'a message is acknowledged before the broker has it': {
    service: 'gateway',
    file: 'event-log/dist/src/rabbitmq/publisher.js',
    from: "open.send((channel) => channel.publish(exchange, '', batch, options, answered))",
    to: "open.send(() => { answered(null); if (Math.random() < 0.98) setTimeout(() => open.send((channel) => channel.publish(exchange, '', batch, options, () => {})), 20) })",
    breaks: 'acknowledged and missing',
  },
  'some batches are delivered backwards': {
    service: 'gateway',
    file: 'gateway/dist/src/log/log-follower.js',
    from: 'for (const entry of entries)',
    to: 'for (const entry of Math.random() < 0.3 ? entries.toReversed() : entries)',
    breaks: 'order differs',
  },
  'history keeps the text of what was deleted': {
    service: 'history',
    file: 'history/dist/src/projection/apply-changes.js',
    from: 'text = folded.text',
    to: 'text = messages.text',
    breaks: 'deleted text shown',
  },
  'rooms never notices that a gateway is gone': {
    service: 'rooms',
    file: 'rooms/dist/src/jobs/sweeper.js',
    from: 'sweepLease(query, { expired })',
    to: 'sweepLease(query, { expired: false })',
    breaks: 'ghosts or lost members',
    faults: 'kill -9, gateway',
  },
  'one more is unread than there is': {
    service: 'history',
    file: 'history/dist/src/messages/conversations.js',
    from: ' as unread,',
    to: ' + 1 as unread,',
    breaks: 'unread counts wrong',
  },
}

/** Returns the variables with which a service gets a bug that is in this service. */
export function variablesOf(service: string, bug: Bug | undefined): Record<string, string> {
  if (bug?.service !== service) return {}
  const loader = new URL('bug-loader.js', import.meta.url)
  return { NODE_OPTIONS: `--import=${fileURLToPath(loader)}`, CHAOS_BUG: JSON.stringify(bug) }
}
