import { createHash } from 'node:crypto'
import type { PushPayload } from '@rabble/contract'
import { graphemesOf } from '../text/graphemes.ts'
import type { DuePush } from './due.ts'

/** Maximum number of characters, and of bytes as JSON. Push services take 4 KB of encrypted content. */
const limits = {
  text: { characters: 200, bytes: 2_000 },
  name: { characters: 64, bytes: 500 },
}

/** Returns what a browser gets of a message, as JSON. */
export function payloadOf({ room, id, from, text }: DuePush): string {
  const isDirect = room.startsWith('dm:')
  const payload: PushPayload = {
    kind: isDirect ? 'direct' : 'mention',
    room,
    ...(isDirect && { peer: from.id }),
    from: cut(from.name, limits.name),
    id,
    text: cut(text, limits.text),
  }
  return JSON.stringify(payload)
}

/**
 * Returns the topic of a conversation (RFC 8030, 5.4): a push replaces one of the same topic that the browser has not fetched yet.
 * It is a hash, since push services see it.
 */
export function topicOf(room: string): string {
  return createHash('sha256').update(room).digest('base64url').slice(0, 32)
}

/** Returns the beginning of a text, with `…` if there is more. */
function cut(text: string, { characters, bytes }: { characters: number; bytes: number }): string {
  const graphemes = graphemesOf(text)
  let end = graphemes.after(0, characters)
  while (Buffer.byteLength(JSON.stringify(text.slice(0, end))) > bytes) {
    // Half of it may end within a character, which may be as long as the text.
    end = graphemes.begin(Math.floor(end / 2))
  }
  return end === text.length ? text : `${text.slice(0, end)}…`
}
