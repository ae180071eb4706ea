import { User } from './events.ts'
import { Type } from './typebox.ts'

/** Message that a user reports to the moderators. */
export const ReportRequest = Type.Object({
  room: Type.String({ minLength: 1, maxLength: 140 }),
  message: Type.String({ minLength: 1, maxLength: 64, description: 'Id of the message.' }),
  reason: Type.String({ maxLength: 256, default: '', description: 'Reason, for the moderators.' }),
})
export type ReportRequest = Type.Static<typeof ReportRequest>

export const ReportReply = Type.Object({ id: Type.Integer({ description: 'Id of the report.' }) })
export type ReportReply = Type.Static<typeof ReportReply>

/** Whether moderators acted on a report. Their acts stand in the audit. */
const outcome = Type.Unsafe<'acted' | 'dismissed'>(Type.Enum(['acted', 'dismissed']))
export type ReportOutcome = Type.Static<typeof outcome>

export const ReportClosing = Type.Object({ outcome })
export type ReportClosing = Type.Static<typeof ReportClosing>

/** Page of reports, the oldest first. */
export const ReportsReply = Type.Object({
  reports: Type.Array(
    Type.Object({
      id: Type.Integer(),
      room: Type.String(),
      message: Type.Object(
        {
          id: Type.String(),
          from: User,
          text: Type.String(),
          at: Type.Optional(Type.String()),
        },
        { description: 'The message as it was when it was reported.' },
      ),
      reason: Type.String(),
      by: User,
      at: Type.String(),
      closed: Type.Optional(Type.Object({ outcome, by: User, at: Type.String() })),
    }),
  ),
  hasMore: Type.Boolean(),
})
export type ReportsReply = Type.Static<typeof ReportsReply>
