import Type from 'typebox'

/**
 * What a client may do before it is refused. Told in `welcome`, each configurable in the gateway's environment.
 * Sizes are in bytes, lengths in Unicode code points, rates per second and session.
 */
export const Limits = Type.Object({
  /**
   * Bytes of one client frame; a larger one closes the connection with 1009. Any text within `textCharacters` must fit, also
   * one whose characters are escaped: see `enoughBytes`.
   */
  frameBytes: Type.Integer(),
  /** Code points of a message's text; a longer one is answered with `too-large`. */
  textCharacters: Type.Integer(),
  /** Messages a second that a session may send for long. */
  messagesPerSecond: Type.Integer(),
  /** Messages a session may send at once after it was quiet. */
  messageBurst: Type.Integer(),
  /** Rooms in which a session may be at a time. */
  roomsPerSession: Type.Integer(),
  /** Bytes that may wait for a slow reader before its connection is closed with 1013. */
  unsentBytes: Type.Integer(),
})
export type Limits = Type.Static<typeof Limits>

export const defaultLimits: Limits = {
  frameBytes: 64 * 1024,
  textCharacters: 4000,
  messagesPerSecond: 20,
  messageBurst: 40,
  roomsPerSession: 100,
  unsentBytes: 1024 * 1024,
}

/**
 * Bytes of a frame into which any text of so many characters fits, also one of emoji that its client escapes as `\ud83d\ude00`,
 * with some for the rest of the frame. With fewer a text within its limit would close the connection.
 */
export function enoughBytes(textCharacters: number): number {
  return 12 * textCharacters + 4096
}
