export interface MemberOptions {
  port: number
  room: string
  name: string
  /** Called for each message of the room that arrives. */
  onMessage(): void
  /** Called with the number of bytes of each chunk that arrives. */
  onBytes(count: number): void
  /** Called when one of the member's own messages was acknowledged. */
  onSent(): void
  /** Called if the gateway answers with an error or the connection is closed. */
  onFailure(reason: string): void
}

export interface Member {
  send(text: string): void
}
