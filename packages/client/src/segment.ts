import { ChatError } from './errors.ts'

/**
 * Encodes a name as a segment of a path.
 * @throws ChatError `bad-frame` for a name that can't be one: `.` and `..` are resolved even if they are encoded (URL Standard)
 */
export function segment(name: string): string {
  try {
    if (!/^\.{0,2}$/.test(name)) return encodeURIComponent(name)
  } catch {
    // The name has half a surrogate pair.
  }
  throw new ChatError('bad-frame', 'this is not a name')
}
