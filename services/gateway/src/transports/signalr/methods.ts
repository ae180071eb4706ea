import { type ClientFrame, RabbleError, type ServerFrame } from '@rabble/contract'
import type { Flavour } from './codec.ts'

/** A frame of the client without its `ref`, which the hub adds. */
export type Frame = ClientFrame extends infer F ? (F extends ClientFrame ? Omit<F, 'ref'> : never) : never

/** The effect of a call, in terms of the native protocol. */
export interface Plan {
  /** Name that the caller gives itself. It must have it before the frame is carried out. */
  as?: string
  /** How the client wants to get events from now on. */
  flavour?: Flavour
  /** Whether the caller must be in the lobby. */
  lobby?: true
  /** Native frame that the core carries out. */
  frame: Frame
  /** Returns the result of the call, from the reply without its `ref`. Default: none. */
  result?(reply: ServerFrame): unknown
  /** Whether errors are a result too. */
  errors?: true
}

type Argument = string | number | undefined

interface Method {
  name: string
  /** Number of arguments that are needed, and their names. */
  needed: number
  parameters: readonly string[]
  /** Whether it returns a stream of events. Its reply is `joined` then. */
  streams?: true
  /** @throws TypeError if an argument is wrong */
  plan(args: readonly Argument[], lobby: string): Plan
}

const id = (reply: ServerFrame) => (reply as { id?: string }).id

const all: readonly Method[] = [
  {
    name: 'SendMessage',
    needed: 1,
    parameters: ['user', 'message'],
    plan: ([first, second], lobby) => ({
      ...(second !== undefined && { as: text(first) }),
      lobby: true,
      frame: { type: 'send', room: lobby, text: text(second ?? first) },
    }),
  },
  {
    name: 'JoinChatRoom',
    needed: 2,
    parameters: ['room', 'user'],
    plan: ([room, user]) => ({
      as: text(user),
      flavour: 'rooms',
      frame: { type: 'join', room: text(room), recent: 0 },
    }),
  },
  {
    name: 'LeaveChatRoom',
    needed: 2,
    parameters: ['room', 'user'],
    plan: ([room, user]) => ({ as: text(user), frame: { type: 'leave', room: text(room) } }),
  },
  {
    name: 'BroadcastUserMessageToChatRoom',
    needed: 3,
    parameters: ['message', 'room', 'user'],
    plan: ([message, room, user]) => ({
      as: text(user),
      frame: { type: 'send', room: text(room), text: text(message) },
    }),
  },
  {
    name: 'Join',
    needed: 1,
    parameters: ['room', 'after'],
    plan: ([room, after]) => ({
      flavour: 'events',
      frame: { type: 'join', room: text(room), ...optional('after', after) },
      result(reply) {
        if (reply.type !== 'joined') return undefined
        const { type, events, ...rest } = reply
        return { ...rest, events: events.map((event) => JSON.stringify(event)) }
      },
    }),
  },
  {
    name: 'Leave',
    needed: 1,
    parameters: ['room'],
    plan: ([room]) => ({ frame: { type: 'leave', room: text(room) } }),
  },
  {
    name: 'Send',
    needed: 2,
    parameters: ['room', 'text', 'cid'],
    plan: ([room, said, cid]) => ({
      frame: { type: 'send', room: text(room), text: text(said), ...optional('cid', cid) },
      result: id,
    }),
  },
  {
    name: 'SendToUser',
    needed: 2,
    parameters: ['user', 'text', 'cid'],
    plan: ([user, said, cid]) => ({
      frame: { type: 'send', to: text(user), text: text(said), ...optional('cid', cid) },
      result: id,
    }),
  },
  {
    name: 'Members',
    needed: 1,
    parameters: ['room'],
    plan: ([room]) => ({
      frame: { type: 'members', room: text(room) },
      result: (reply) => (reply.type === 'members' ? { users: reply.users, count: reply.count } : undefined),
    }),
  },
  {
    name: 'Edit',
    needed: 3,
    parameters: ['room', 'id', 'text', 'cid'],
    plan: ([room, message, said, cid]) => ({
      frame: {
        type: 'edit',
        room: text(room),
        id: text(message),
        text: text(said),
        ...optional('cid', cid),
      },
      result: id,
    }),
  },
  {
    name: 'Delete',
    needed: 2,
    parameters: ['room', 'id'],
    plan: ([room, message]) => ({
      frame: { type: 'delete', room: text(room), id: text(message) },
      result: id,
    }),
  },
  {
    name: 'Stream',
    needed: 1,
    parameters: ['room', 'after'],
    streams: true,
    plan: ([room, after]) => ({
      frame: {
        type: 'join',
        room: text(room),
        ...(after === undefined ? { recent: 0 } : optional('after', after)),
      },
    }),
  },
  {
    name: 'Request',
    needed: 1,
    parameters: ['frame'],
    plan: ([frame]) => ({
      flavour: 'events',
      errors: true,
      frame: frameOf(text(frame)),
      result: (reply) => JSON.stringify(reply),
    }),
  },
]

/** Frame types that get a reply. */
export function isAnswered({ type }: Frame): boolean {
  return type !== 'typing' && type !== 'signal'
}

function text(value: Argument): string {
  if (typeof value !== 'string') throw new TypeError('it takes texts')
  return value
}

function optional<K extends string>(name: K, value: Argument): Partial<Record<K, string>> {
  return value === undefined ? {} : ({ [name]: text(value) } as Record<K, string>)
}

/** Returns a native frame without its `ref`. The core checks the rest. */
function frameOf(json: string): Frame {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    value = undefined
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError('a frame must be one JSON object')
  }
  const { ref, ...frame } = value as { ref?: unknown } & Frame
  return frame as Frame
}

/** Methods by their names in lower case: a hub does not distinguish cases. */
const methods: ReadonlyMap<string, Method> = new Map(all.map((method) => [method.name.toLowerCase(), method]))

/**
 * Returns the effect of a call.
 * @throws RabbleError `bad-frame`, whose message is the error of the completion
 */
export function planOf(target: string, args: readonly unknown[], streams: boolean, lobby: string): Plan {
  const method = methods.get(target.toLowerCase())
  if (method === undefined) throw refusal(`Unknown hub method '${target}'`)
  const { name, needed, parameters } = method
  if (streams !== (method.streams ?? false)) {
    const [kind, way] = streams ? ['non-streaming', 'a streaming'] : ['streaming', 'a non-streaming']
    throw refusal(`The client attempted to invoke the ${kind} '${name}' method with ${way} invocation.`)
  }
  const failed = (why: string) =>
    refusal(`Failed to invoke '${name}' due to an error on the server. HubException: ${why}`)
  // A client may send null for an argument that it leaves out.
  const given = args.map((arg) => arg ?? undefined) as Argument[]
  while (given.length > needed && given.at(-1) === undefined) given.pop()
  if (given.length < needed || given.length > parameters.length) {
    throw failed(`${name} takes (${parameters.join(', ')}), of which it needs ${needed}`)
  }
  try {
    return method.plan(given, lobby)
  } catch (error) {
    throw error instanceof TypeError ? failed(error.message) : error
  }
}

function refusal(message: string): RabbleError {
  return new RabbleError('bad-frame', message)
}
