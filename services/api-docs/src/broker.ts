import {
  ChatEvent,
  GatewaySignal,
  KickSignal,
  NotifyRequest,
  PeopleSignal,
  PolicySignal,
  PresenceSignal,
  RoomSignal,
  TypingSignal,
} from '@rabble/contract'
import { namesOf } from '@rabble/event-log'
import { type AsyncOperation, type Channel, capital, type Message } from './async-document.ts'
import { found, type Passage } from './pages.ts'
import { plain } from './schemas.ts'

const names = namesOf('rabble')
const signals = {
  typing: TypingSignal,
  signal: RoomSignal,
  gateway: GatewaySignal,
  people: PeopleSignal,
  presence: PresenceSignal,
  policy: PolicySignal,
  kick: KickSignal,
} as const
const json = 'application/json'

/** Returns the exchanges and queues of the broker that other programs may use. */
export function brokerChannels(pages: readonly Passage[]): Record<string, Channel> {
  const passage = (heading: string) =>
    found(
      pages.find((one) => one.heading === heading),
      heading,
    )
  const queue = passage('The queue `rabble.notify`')
  const notice: Message = {
    name: 'notify',
    title: 'Notification',
    description: 'The property `message_id` is its `cid`. Other properties do not matter.',
    contentType: json,
    payload: plain(NotifyRequest),
    examples: queue.examples.map((payload) => ({ payload })),
  }
  const batch: Message = {
    name: 'batch',
    title: 'Batch of events',
    description: `${passage('Batches').text} This is the schema of a line.`,
    contentType: 'application/x-ndjson',
    payload: plain(ChatEvent),
    examples: passage('Events').examples.map((payload) => ({ payload })),
  }
  const { meanings, text: aboutSignals } = passage('Signals')
  const signalMessages = Object.entries(signals).map(([type, schema]): [string, Message] => [
    `signal${capital(type)}`,
    {
      name: type,
      title: `Signal ${type}`,
      description: meanings.get(type) ?? '',
      contentType: json,
      payload: plain(schema),
    },
  ])
  return {
    events: exchange(names.exchange(0), 'Every event is published here once.', { batch }),
    log: {
      ...queueNamed(names.stream(0), passage('Reading').text, { batch }),
      title: 'The log: a stream, bound to the exchange of events',
    },
    signals: exchange(names.signals, aboutSignals, Object.fromEntries(signalMessages)),
    notify: queueNamed(names.work('notify'), queue.text, { notice }),
    rejected: queueNamed(
      names.rejected('notify'),
      'Invalid notifications, as they came, with the reason in the header `x-rabble-reason`.',
      {
        notice: {
          ...notice,
          name: 'rejected',
          description: 'A notification that breaks a rule.',
          examples: [],
        },
      },
    ),
  }
}

/** Returns what a gateway, or the rooms service, does at the broker. */
export function brokerOperations(): Record<string, AsyncOperation> {
  const events = { channel: 'events', messages: ['batch'] }
  const allSignals = {
    channel: 'signals',
    messages: Object.keys(signals).map((type) => `signal${capital(type)}`),
  }
  const notices = ['notice']
  return {
    publishEvents: operation(
      'send',
      events,
      'Gateways publish events, and wait for the confirm of the broker.',
    ),
    readLog: operation('receive', { ...events, channel: 'log' }, 'Gateways and history read the log.'),
    sendSignals: operation('send', allSignals, 'Gateways and the rooms service send signals.'),
    receiveSignals: operation('receive', allSignals, 'Gateways receive the signals of all.'),
    takeNotices: operation(
      'receive',
      { channel: 'notify', messages: notices },
      'One gateway at a time publishes the notifications of programs.',
    ),
    rejectNotices: operation(
      'send',
      { channel: 'rejected', messages: notices },
      'The gateway sets invalid notifications aside.',
    ),
  }
}

function operation(
  action: AsyncOperation['action'],
  { channel, messages }: { channel: string; messages: readonly string[] },
  summary: string,
): AsyncOperation {
  return {
    action,
    channel: { $ref: `#/channels/${channel}` },
    title: channel,
    summary,
    messages: messages.map((message) => ({ $ref: `#/channels/${channel}/messages/${message}` })),
  }
}

function exchange(name: string, description: string, messages: Record<string, Message>): Channel {
  const fanout = { name, type: 'fanout', durable: true }
  return {
    address: name,
    title: 'A fanout exchange',
    description,
    messages,
    bindings: { amqp: { is: 'routingKey', exchange: fanout, bindingVersion: '0.3.0' } },
  }
}

function queueNamed(name: string, description: string, messages: Record<string, Message>): Channel {
  const queue = { name, durable: true, exclusive: false, autoDelete: false }
  return {
    address: name,
    title: 'A queue',
    description,
    messages,
    bindings: { amqp: { is: 'queue', queue, bindingVersion: '0.3.0' } },
  }
}
