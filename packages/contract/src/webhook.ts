import { ChatEvent } from './events.ts'
import { Type } from './typebox.ts'

/** Body of a request of the webhook: events of a partition that follow those of the last request, in the order of the log. */
export const WebhookBody = Type.Object({
  type: Type.Literal('events'),
  data: Type.Object({
    partition: Type.Integer({ minimum: 0 }),
    events: Type.Array(ChatEvent, { maxItems: 500 }),
    /** Offsets of the log: the one that should have come next, and the one that did. */
    gap: Type.Optional(Type.Object({ expected: Type.Integer(), found: Type.Integer() })),
  }),
})
export type WebhookBody = Type.Static<typeof WebhookBody>
