import { Compile, type Validator } from 'typebox/compile'
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
  PolicySignal,
  PresenceSignal,
  type Signal,
  TypingSignal,
} from './events.ts'
import { type ClientFrame, type ClientFrameType, clientFrames, type Ref, Ref as RefSchema } from './frames.ts'
import { type WorkerRequests, workerRequests } from './requests.ts'

/*
 * Parsing of what came from outside. A module of its own (`@rabble/contract/parse`), because it compiles the schemas,
 * which a browser page under a strict content security policy can't.
 */

const isRef = Compile(RefSchema)
const isLogEvent = Compile(LogEvent)
const chatEvents: Record<ChatEvent['type'], Validator> = {
  message: Compile(MessageEvent),
  edit: Compile(EditEvent),
  delete: Compile(DeleteEvent),
}
const signals: Record<KnownSignal['type'], Validator> = {
  typing: Compile(TypingSignal),
  presence: Compile(PresenceSignal),
  policy: Compile(PolicySignal),
  kick: Compile(KickSignal),
  gateway: Compile(GatewaySignal),
}
const validators = Object.fromEntries(
  Object.entries(clientFrames).map(([type, schema]) => [type, Compile(schema)]),
)

const requestValidators = {
  message: Compile(workerRequests.message),
  notify: Compile(workerRequests.notify),
}

/** What can be told about a frame that was refused: its `ref`, if it had a usable one. */
export class FrameError extends RabbleError {
  readonly ref: Ref | undefined
  constructor(message: string, ref?: Ref) {
    super('bad-frame', message)
    this.ref = ref
  }
}

/**
 * A client's frame, checked. Fields that version 1 doesn't know are left in place and ignored.
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
 * What a program asks, checked. Fields that version 1 doesn't know are left in place and ignored.
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

/** The first field that breaks its rule, and the rule. */
function problem(validator: Pick<Validator, 'Errors'>, value: unknown): string {
  const [error] = validator.Errors(value)
  // The path of a field is a JSON Pointer: `/room`; of the whole, empty.
  const field = error?.instancePath.slice(1) ?? ''
  return `${field === '' ? '' : `${field} `}${error?.message ?? 'is invalid'}`
}

/** Bytes of the longest line of the log that is read. What gateways write is shorter, see `RABBLE_FRAME_BYTES`. */
const longestLine = 1024 * 1024
/** Objects and arrays of a line, in one another. Gateways take fewer, and for some clients' parsers 100 are too many. */
const maxLevels = 64
/** RFC 3339, which is more than `Date.parse` asks for, but what all clients understand. */
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/

/**
 * A line of the log as an event; undefined if it is none. What follows the log relies on this alone: an event of a type of
 * version 1 has all its fields, `at` is a time, its id is well-formed, and it can be written as JSON again. The type may
 * also be one that version 1 doesn't know.
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

/** Whether an event that was parsed is for clients. */
export function isChatEvent(event: LogEvent): event is ChatEvent {
  return Object.hasOwn(chatEvents, event.type)
}

function isSound(event: LogEvent): boolean {
  if (!isChatEvent(event)) return true
  if (!chatEvents[event.type].Check(event) || !event.id.isWellFormed()) return false
  return time.test(event.at) && !Number.isNaN(Date.parse(event.at))
}

/** JSON.parse takes any depth, and JSON.stringify some thousands of levels. */
function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1))
}

/**
 * A signal of version 1: all its fields, and no others, which could be of any size and depth. Undefined for one of another
 * type.
 * @throws TypeError if it is of a type of version 1 and breaks its rules
 */
export function knownSignal(signal: Signal): KnownSignal | undefined {
  const { type } = signal
  if (!Object.hasOwn(signals, type)) return undefined
  const validator = signals[type as KnownSignal['type']]
  if (!validator.Check(signal)) throw new TypeError(`a signal of type ${type} is malformed`)
  return validator.Clean(signal) as KnownSignal
}
