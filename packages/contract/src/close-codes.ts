/**
 * Every close code that a gateway uses. `retry` tells a client whether connecting again, unchanged, makes sense.
 * Numbers: RFC 6455 section 7.4.1 and the IANA registry of WebSocket close codes.
 */
export const closeCodes = {
  goingAway: { code: 1001, retry: true, meaning: 'The gateway stops.' },
  restarting: {
    code: 1012,
    retry: true,
    meaning: 'The client was told to reconnect, and did not.',
  },
  policy: {
    code: 1008,
    retry: false,
    meaning: 'An origin that is not allowed, a kick, a ban, a lost name, or a flood.',
  },
  // From the range for private use. The last digits are those of the HTTP status.
  noHello: { code: 4408, retry: true, meaning: 'No hello came in time.' },
  tokenExpired: { code: 4401, retry: false, meaning: 'The token has expired; another one is needed.' },
  notText: { code: 1007, retry: false, meaning: 'A text frame was not valid UTF-8.' },
  tooLarge: { code: 1009, retry: false, meaning: 'A frame was over the limit.' },
  tooSlow: {
    code: 1013,
    retry: true,
    meaning: 'The client did not read what was sent to it, or did not finish a message in time.',
  },
} as const satisfies Record<string, { code: number; retry: boolean; meaning: string }>

export type CloseReason = keyof typeof closeCodes
