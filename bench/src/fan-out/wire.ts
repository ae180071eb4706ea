/** Names of the transports that can be measured. */
export const wireNames = ['websocket', 'sse'] as const
export type WireName = (typeof wireNames)[number]

/**
 * A client's end of a transport that uses as little CPU as possible, since it shares the machine with the measured gateway. Frames
 * are handed over as bytes of JSON, unparsed.
 */
export interface Wire {
  send(json: string): void
}

export interface WireOptions {
  port: number
  onFrame(json: Buffer): void
  /** Called if the connection is closed or the gateway refuses something. */
  onFailure(reason: string): void
}
