import { EditEvent, MessageEvent } from './events.ts'
import { Type } from './typebox.ts'

/* The before-publish hook: a gateway asks it before it publishes an event of a user. Unlisted fields are ignored. */

/** Question to the hook: may this event be published? */
export const BeforePublishRequest = Type.Object({
  type: Type.Literal('before-publish'),
  /** Time of the question. */
  timestamp: MessageEvent.properties.at,
  /** Event as it would be in the log. */
  event: Type.Union([MessageEvent, EditEvent]),
  /** Roles of the user who sends it. */
  roles: Type.Array(Type.String()),
})
export type BeforePublishRequest = Type.Static<typeof BeforePublishRequest>

/** Publishes the event as it is. */
export const AllowAnswer = Type.Object({ action: Type.Literal('allow') })

/** Publishes the event with another text, other `meta`, or both. `meta` null: without any. An edit has no `meta`. */
export const ChangeAnswer = Type.Object({
  action: Type.Literal('change'),
  text: Type.Optional(Type.String()),
  meta: Type.Optional(Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()])),
})

/** Doesn't publish the event. The sender gets the error `refused`, with the reason as its message. */
export const RefuseAnswer = Type.Object({
  action: Type.Literal('refuse'),
  /** Text for people. Anything but a string counts as absent, since a refusal must not fail for its reason. */
  reason: Type.Optional(Type.Unknown()),
})

/** Answers of the hook by `action`. */
export const beforePublishAnswers = {
  allow: AllowAnswer,
  change: ChangeAnswer,
  refuse: RefuseAnswer,
} as const
export type BeforePublishAnswer =
  | Type.Static<typeof AllowAnswer>
  | Type.Static<typeof ChangeAnswer>
  | Type.Static<typeof RefuseAnswer>
