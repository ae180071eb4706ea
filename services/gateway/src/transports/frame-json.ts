import type { Ref } from '@rabble/contract'

/**
 * Returns a frame that a client has described as JSON. One that can't be written, because it is nested too deep, becomes one that is
 * refused.
 */
export function toJson(frame: object, ref: Ref | undefined): string {
  try {
    return JSON.stringify({ ...frame, ref })
  } catch {
    return JSON.stringify({ ref })
  }
}
