import {
  type ClientFrameType,
  clientFrames,
  closeCodes,
  errorCodes,
  replies,
  type ServerFrameType,
  serverFrames,
} from '@rabble/contract'
import { type AsyncOperation, type Channel, capital, type Message } from './async-document.ts'
import { found, headed, type Passage } from './pages.ts'
import { plain } from './schemas.ts'

/** Frames that the gateway sends without a request. `left` and `error` come as replies, too. */
const events = ['message', 'edit', 'delete', 'reaction'] as const
const news = [
  ...events,
  ...(['presence', 'typing', 'signal', 'reconnect', 'left', 'error'] as const),
  ...(['conversation', 'activity', 'mention', 'receipts', 'read', 'privacy', 'people'] as const),
]

/** Returns the channel of all frames. */
export function frameChannel(pages: readonly Passage[]): Channel {
  const sides = [
    ['Client frames', clientFrames],
    ['Server frames', serverFrames],
  ] as const
  const messages = sides.flatMap(([part, frames]) =>
    Object.entries(frames).map(([type, schema]): [string, Message] => {
      const { text, examples } = found(headed(pages, type, part), type)
      return [
        messageName(part, type),
        {
          name: type,
          title: `${type}, ${part === 'Client frames' ? 'from a client' : 'from the gateway'}`,
          description: text,
          contentType: 'application/json',
          ...('ref' in schema.properties && { correlationId }),
          payload: plain(schema),
          examples: examples.map((payload) => ({ payload })),
        },
      ]
    }),
  )
  return {
    address: '/ws',
    title: 'Frames',
    description: found(
      pages.find(({ heading }) => heading === 'Connection'),
      'the connection',
    ).text,
    messages: Object.fromEntries(messages),
    bindings: { ws: { method: 'GET', bindingVersion: '0.1.0' } },
    'x-close-codes': Object.values(closeCodes),
    'x-error-codes': Object.entries(errorCodes).map(([code, { retry, meaning }]) => ({
      code,
      retry,
      meaning,
    })),
  }
}

const correlationId = {
  description: "The client's own name for a request. The reply has the same.",
  location: '$message.payload#/ref',
}

/** Returns what the gateway does with frames: it receives those of clients, and sends its own. */
export function frameOperations(): Record<string, AsyncOperation> {
  const channel = { $ref: '#/channels/frames' }
  const message = (part: string, type: string) => ({
    $ref: `#/channels/frames/messages/${messageName(part, type)}`,
  })
  const answer = (type: ServerFrameType) => message('Server frames', type)
  const requests = Object.keys(clientFrames).map((name): [string, AsyncOperation] => {
    const type = name as ClientFrameType
    const reply = replies[type]
    return [
      `receive${capital(type)}`,
      {
        action: 'receive',
        channel,
        title: type,
        summary: `A client sends \`${type}\`.`,
        messages: [message('Client frames', type)],
        reply: {
          channel,
          messages: [...(reply === undefined ? [] : [answer(reply)]), answer('error')],
        },
      },
    ]
  })
  const others = news.map((type): [string, AsyncOperation] => [
    `send${capital(type)}`,
    {
      action: 'send',
      channel,
      title: type,
      summary: `The gateway sends \`${type}\`.`,
      messages: [answer(type)],
    },
  ])
  return Object.fromEntries([...requests, ...others])
}

/** Returns the name of a message, of which both sides may have one of the same type. */
function messageName(part: string, type: string): string {
  return `${part === 'Client frames' ? 'client' : 'server'}${capital(type)}`
}
