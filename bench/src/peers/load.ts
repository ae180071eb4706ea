import type { ProtocolName } from './protocols.ts'

/** The load of a measurement, which its members make. */
export interface Load {
  protocol: ProtocolName
  /** Ports of the servers, which the members of a room use by turns. */
  ports: readonly number[]
  rooms: number
  /** Members of each room. */
  members: number
  /** Members of each room that send. */
  senders: number
  /**
   * Messages per second over all rooms, at even times. 0: each sender sends its next message when its last one has come back to
   * it.
   */
  rate: number
}

/** Time (ms) from when a message was due until a member had it. */
export interface Latency {
  p50: number
  p99: number
  max: number
}

export interface Counts {
  sent: number
  delivered: number
  /** Of the deliveries since the last counts. */
  latency: Latency
}

/** All that members received, compared with what was sent. */
export interface Check {
  deliveries: number
  /** Messages that a member did not get, and that it got again or after a later one of the same sender. */
  lost: number
  repeated: number
  /** Rooms whose members did not all get the messages in the same order. */
  disordered: number
}

/** Messages to the generator and its answers. */
export type Order = { connect: Load } | 'start' | 'count' | 'finish'
export type Answer =
  | { connected: { seconds: number } }
  | { started: true }
  | { counts: Counts }
  | { check: Check }
  | { failed: string }
