import { Type } from './typebox.ts'

/** Message as a browser gets it while the page is closed, after decryption. */
export const PushPayload = Type.Object({
  kind: Type.Enum(['direct', 'mention']),
  room: Type.String(),
  peer: Type.Optional(Type.String({ description: 'Id of the other user of direct messages.' })),
  from: Type.String({ description: 'Name of the author.' }),
  id: Type.String(),
  text: Type.String({ description: 'Beginning of the text.' }),
})
export type PushPayload = Type.Static<typeof PushPayload>

export const PushReply = Type.Object({
  publicKey: Type.Optional(
    Type.String({ description: 'Key for `applicationServerKey`. Without it, the server sends no pushes.' }),
  ),
})
export type PushReply = Type.Static<typeof PushReply>

const endpoint = Type.String({
  minLength: 1,
  maxLength: 2048,
  description: 'URL of the browser at its push service.',
})
const key = Type.String({ minLength: 1, maxLength: 128 })

/** Subscription of a browser, as `PushSubscription.toJSON` returns it. */
export const PushSubscriptionRequest = Type.Object({
  endpoint,
  keys: Type.Object({ p256dh: key, auth: key }),
})
export type PushSubscriptionRequest = Type.Static<typeof PushSubscriptionRequest>

export const PushEndRequest = Type.Object({ endpoint })
export type PushEndRequest = Type.Static<typeof PushEndRequest>
