import { type ErrorCode, ErrorReply, errorCodes } from '@rabble/contract'
import { type TSchema, Type } from '@rabble/contract/typebox'

/** Callers of a route, as the security requirements of OpenAPI. Each object in a list is one way to be accepted. */
const security = {
  /** No token counts. */
  nobody: [],
  /** A user, or nobody where guests are welcome. */
  anybody: [{}, { bearer: [] }, { cookie: [] }],
  user: [{ bearer: [] }, { cookie: [] }],
  /** A user with the role `moderator`. */
  moderator: [{ bearer: ['moderator'] }, { cookie: ['moderator'] }],
  /** A program, whose token has the role `service`. */
  program: [{ bearer: ['service'] }],
} as const

export interface Description {
  /** A few words, unique among all routes. */
  summary: string
  caller: keyof typeof security
  /** Schemas of the JSON in answers without an error, by status. Undefined: without a body. */
  answers: Record<number, TSchema | undefined>
  /** Media type of the answers, each of which then consists of values of its schema. Default: `application/json`. */
  type?: string
  errors: readonly ErrorCode[]
}

/**
 * Returns the part of a route's schema that describes what it does, its callers and its answers. Nothing is checked by it at run time: a test
 * compares real answers with it. The type keeps it from being taken for that of the handler, which may return text.
 */
export function described({ summary, caller, answers, type, errors }: Description): object {
  const statuses = new Set(errors.map((code) => errorCodes[code].status))
  return {
    summary,
    security: security[caller],
    response: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, schema]) => [status, answerOf(schema, type)]),
      ),
      ...Object.fromEntries([...statuses].map((status) => [status, errorReply(status, errors)])),
      // Such as too large a body, or a failure.
      default: ErrorReply,
    },
  }
}

function answerOf(schema: TSchema | undefined, type: string | undefined): object {
  if (schema === undefined) return Type.Null()
  return type === undefined ? schema : { content: { [type]: { schema } } }
}

/** Returns the schema of errors with this status, as `createApp` answers them. */
function errorReply(status: number, errors: readonly ErrorCode[]): TSchema {
  return Type.Object({
    statusCode: Type.Literal(status),
    code: Type.Enum(errors.filter((code) => errorCodes[code].status === status)),
    message: Type.String(),
  })
}
