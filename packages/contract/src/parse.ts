import { type BeforePublishAnswer, beforePublishAnswers } from './before-publish.ts'
import {
  MembershipEvent,
  MuteEvent,
  type PersonalEvent,
  PrivacyEvent,
  ReadEvent,
  SeenEvent,
} from './conversations.ts'
import { RabbleError } from './errors.ts'
import {
  type ChatEvent,
  DeleteEvent,
  EditEvent,
  GatewaySignal,
  KickSignal,
  type KnownSignal,
  LogEvent,
  MessageEvent,
  PeopleSignal,
  PolicySignal,
  PresenceSignal,
  ReactionEvent,
  RoomSignal,
  type Signal,
  TypingSignal,
} from './events.ts'
import { type ClientFrame, type ClientFrameType, clientFrames, type Ref, Ref as RefSchema } from './frames.ts'
import { type WorkerRequests, workerRequests } from './requests.ts'
import { Compile, type TSchema, type Validator } from './typebox.ts'

/*
 * Parsing of input from outside. It is a separate module (`@rabble/contract/parse`) because it compiles the schemas, which a
 * browser page under a strict content security policy can't.
 */

const isRef = Compile(RefSchema)
const isLogEvent = Compile(LogEvent)
const chatEvents: Record<ChatEvent['type'], Validator> = {
  message: Compile(MessageEvent),
  edit: Compile(EditEvent),
  delete: Compile(DeleteEvent),
  reaction: Compile(ReactionEvent),
}
const personalEvents: Record<PersonalEvent['type'], Validator> = {
  membership: Compile(MembershipEvent),
  read: Compile(ReadEvent),
  mute: Compile(MuteEvent),
  privacy: Compile(PrivacyEvent),
  seen: Compile(SeenEvent),
}
/** For each signal, a check of its fields, and whether it has no others. */
const signals: Record<KnownSignal['type'], { fields: Validator; exact: Validator }> = {
  typing: signalChecks(TypingSignal),
  signal: signalChecks(RoomSignal),
  presence: signalChecks(PresenceSignal),
  policy: signalChecks(PolicySignal),
  kick: signalChecks(KickSignal),
  gateway: signalChecks(GatewaySignal),
  people: signalChecks(PeopleSignal),
}

function signalChecks(schema: TSchema): { fields: Validator; exact: Validator } {
  const closed: TSchema = JSON.parse(JSON.stringify(schema), (_key, value) =>
    value?.type === 'object' ? { ...value, additionalProperties: false } : value,
  )
  return { fields: Compile(schema), exact: Compile(closed) }
}

const validators = Object.fromEntries(
  Object.entries(clientFrames).map(([type, schema]) => [type, Compile(schema)]),
)

const requestValidators = {
  message: Compile(workerRequests.message),
  notify: Compile(workerRequests.notify),
}

const answerValidators: Record<string, Validator> = Object.fromEntries(
  Object.entries(beforePublishAnswers).map(([action, schema]) => [action, Compile(schema)]),
)

/** Refusal of a frame, with the frame's `ref` if that is valid. */
export class FrameError extends RabbleError {
  readonly ref: Ref | undefined
  constructor(message: string, ref?: Ref) {
    super('bad-frame', message)
    this.ref = ref
  }
}

/**
 * Parses and checks a client's frame. Fields that version 1 doesn't know stay in place and are ignored.
 * @throws FrameError with a sentence that names the field and the rule
 */
export function parseClientFrame(text: string): ClientFrame {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new FrameError('a frame must be one JSON object')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new FrameError('a frame must be one JSON object')
  }
  const { type, ref: maybeRef } = value as { type?: unknown; ref?: unknown }
  const ref = isRef.Check(maybeRef) ? maybeRef : undefined
  const validator = typeof type === 'string' && Object.hasOwn(validators, type) ? validators[type] : undefined
  if (validator === undefined) {
    throw new FrameError(`type must be one of ${Object.keys(clientFrames).join(', ')}`, ref)
  }
  if (!validator.Check(value)) {
    throw new FrameError(`${type as ClientFrameType}: ${problem(validator, value)}`, ref)
  }
  return value as ClientFrame
}

/**
 * Checks a program's request. Fields that version 1 doesn't know stay in place and are ignored.
 * @throws RabbleError `bad-frame` with a sentence that names the field and the rule
 */
export function parseWorkerRequest<N extends keyof WorkerRequests>(
  name: N,
  value: unknown,
): WorkerRequests[N] {
  const validator = requestValidators[name]
  if (!validator.Check(value)) throw new RabbleError('bad-frame', `${name}: ${problem(validator, value)}`)
  return value as WorkerRequests[N]
}

/**
 * Checks an answer of the before-publish hook.
 * @throws RabbleError `bad-frame` with a sentence that names the field and the rule
 */
export function parseBeforePublishAnswer(value: unknown): BeforePublishAnswer {
  const { action } = (value ?? {}) as { action?: unknown }
  const known = typeof action === 'string' && Object.hasOwn(answerValidators, action)
  const validator = known ? answerValidators[action] : undefined
  if (validator === undefined) {
    throw new RabbleError('bad-frame', `action must be one of ${Object.keys(answerValidators).join(', ')}`)
  }
  if (!validator.Check(value)) throw new RabbleError('bad-frame', `${action}: ${problem(validator, value)}`)
  return value as BeforePublishAnswer
}

/** Returns the first field that breaks its rule, and the rule. */
function problem(validator: Pick<Validator, 'Errors'>, value: unknown): string {
  const [error] = validator.Errors(value)
  // The path of a field is a JSON Pointer: `/room`; that of the whole value is empty.
  const field = error?.instancePath.slice(1) ?? ''
  return `${field === '' ? '' : `${field} `}${error?.message ?? 'is invalid'}`
}

/** Maximum length of a line of the log. Gateways write shorter ones, see `RABBLE_FRAME_BYTES`. */
const longestLine = 1024 * 1024
/** Maximum depth of nested objects and arrays in a line. Gateways accept fewer levels, and some clients' parsers fail at 100. */
const maxLevels = 64
/** RFC 3339. `Date.parse` accepts more formats, but only this one works in all clients. */
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/

/**
 * Parses a line of the log; undefined if it is not an event. All readers of the log rely on this check: an event of a type of
 * version 1 has all its fields, `at` is a time, its id is well-formed, and it can be written as JSON again. The type may also be
 * one that version 1 doesn't know.
 */
export function parseLogEvent(line: string | Buffer): LogEvent | undefined {
  if (line.length > longestLine) return undefined
  try {
    const value: unknown = JSON.parse(line.toString())
    return isLogEvent.Check(value) && isSound(value) && !isDeeper(value, maxLevels) ? value : undefined
  } catch {
    return undefined
  }
}

/** Whether a parsed event is for clients. */
export function isChatEvent(event: LogEvent): event is ChatEvent {
  return Object.hasOwn(chatEvents, event.type)
}

/** Whether a parsed event is one of a user in a conversation. */
export function isPersonalEvent(event: LogEvent): event is PersonalEvent {
  return Object.hasOwn(personalEvents, event.type)
}

function isSound(event: LogEvent): boolean {
  const isChat = isChatEvent(event)
  if (!isChat && !isPersonalEvent(event)) return true
  const validator = isChat ? chatEvents[event.type] : personalEvents[event.type]
  if (!validator.Check(event) || !event.id.isWellFormed()) return false
  return time.test(event.at) && !Number.isNaN(Date.parse(event.at))
}

/** Returns whether a value has more levels. JSON.parse accepts any depth, JSON.stringify only some thousands of levels. */
function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1))
}

/**
 * Returns a signal of version 1 without unknown fields, which could be of any size and depth; undefined for another type.
 * @throws TypeError if the type is one of version 1 and the signal breaks its rules
 */
export function knownSignal(signal: Signal): KnownSignal | undefined {
  const { type } = signal
  if (!Object.hasOwn(signals, type)) return undefined
  const { fields, exact } = signals[type as KnownSignal['type']]
  // Nearly always so, and it takes a seventieth of the time of Clean.
  if (exact.Check(signal)) return signal as KnownSignal
  if (!fields.Check(signal)) throw new TypeError(`a signal of type ${type} is malformed`)
  return fields.Clean(signal) as KnownSignal
}
