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
const isMessageEvent = Compile(MessageEvent)
const isEditEvent = Compile(EditEvent)
const isDeleteEvent = Compile(DeleteEvent)
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

/** A line of the log as an event, or undefined if it is none. The type may be one that version 1 doesn't know. */
export function parseLogEvent(line: string | Buffer): LogEvent | undefined {
  try {
    const value: unknown = JSON.parse(line.toString())
    return isLogEvent.Check(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Whether an event of the log is a message of version 1, with everything a reader relies on. */
export function isMessage(event: LogEvent): event is MessageEvent {
  return event.type === 'message' && isMessageEvent.Check(event)
}

/** Whether an event of the log is for clients, with everything a reader of version 1 relies on. */
export function isChatEvent(event: LogEvent): event is ChatEvent {
  switch (event.type) {
    case 'message':
      return isMessageEvent.Check(event)
    case 'edit':
      return isEditEvent.Check(event)
    case 'delete':
      return isDeleteEvent.Check(event)
    default:
      return false
  }
}

/** A signal of version 1, with everything a reader relies on; undefined for any other. */
export function knownSignal(signal: Signal): KnownSignal | undefined {
  const { type } = signal
  if (!Object.hasOwn(signals, type)) return undefined
  return signals[type as KnownSignal['type']].Check(signal) ? (signal as KnownSignal) : undefined
}
