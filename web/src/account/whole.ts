/** Returns the number of messages in an export of a user, by its last line; undefined if the export was broken off. */
export function messagesIn(end: string): number | undefined {
  try {
    const { type, messages } = JSON.parse(end.trimEnd().split('\n').at(-1) ?? '')
    return type === 'end' && typeof messages === 'number' ? messages : undefined
  } catch {
    return undefined
  }
}
