import { Type } from './typebox.ts'

/**
 * Limits of a client. `welcome` contains them, and the gateway's environment configures each. Sizes are in bytes, lengths in
 * Unicode code points, rates per second and session.
 */
export const Limits = Type.Object({
  /**
   * Maximum size of a client frame; a larger one closes the connection with 1009. Any text within `textCharacters` must fit, also
   * with escaped characters: see `enoughBytes`.
   */
  frameBytes: Type.Integer(),
  /** Maximum length of a message's text; a longer one is answered with `too-large`. */
  textCharacters: Type.Integer(),
  /** Sustained rate of messages of a session. */
  messagesPerSecond: Type.Integer(),
  /** Maximum number of messages that a session may send at once after a pause. */
  messageBurst: Type.Integer(),
  /** Maximum number of rooms of a session. */
  roomsPerSession: Type.Integer(),
  /** Maximum number of bytes that wait for a slow reader before its connection is closed with 1013. */
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
 * Returns the frame size (bytes) that fits any text of this length, also one of emoji that the client escapes as `\ud83d\ude00`,
 * and the rest of the frame. With a smaller size, a text within its limit could close the connection.
 */
export function enoughBytes(textCharacters: number): number {
  return 12 * textCharacters + 4096
}
