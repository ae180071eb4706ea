import { RabbleError, systemUser } from '@rabble/contract'
import type { DoTask, RabbitMqLog, WorkQueue } from '@rabble/event-log'
import type { Tracing } from '@rabble/service'
import type { Metrics } from '../metrics.ts'
import { noticeEvent } from './event.ts'
import { createPublishing, type PublishHost, type PublishingOptions } from './publishing.ts'

export interface NotifyQueueOptions extends PublishingOptions {
  log: Pick<RabbitMqLog, 'takeWork'>
  gateway: Pick<PublishHost, 'id' | 'limits' | 'clock' | 'publish' | 'checkRepeat' | 'audit'>
  metrics: Pick<Metrics, 'workerPublishes' | 'queueActive' | 'queueRedelivered' | 'queueRejected'>
  tracing?: Tracing | undefined
}

/** Publishes the notifications in the queue `<prefix>.notify`, as `POST /api/notify` does, until the result is closed. */
export function takeNotices(options: NotifyQueueOptions): WorkQueue {
  const { log, gateway, metrics, tracing } = options
  const publishing = createPublishing(options)
  const publish: DoTask = async ({ body, messageId }) => {
    await publishing('amqp', () => {
      const { frameBytes } = gateway.limits
      if (body.length > frameBytes) {
        throw new RabbleError('too-large', `a notification has no more than ${frameBytes} bytes`)
      }
      const event = noticeEvent(gateway, parseJson(body), messageId)
      return { event, actor: systemUser, action: 'service.notify' }
    })
  }
  const work: DoTask = (task) => {
    if (tracing === undefined) return publish(task)
    const span = tracing.begin('notify', 'consumer', { 'messaging.operation.type': 'process' })
    return tracing.during(span, () => publish(task))
  }
  return log.takeWork('notify', work, {
    active: (active) => metrics.queueActive.set(active ? 1 : 0),
    redelivered: () => metrics.queueRedelivered.inc(),
    setAside: () => metrics.queueRejected.inc(),
  })
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(utf8.decode(body))
  } catch (cause) {
    throw new RabbleError('bad-frame', 'notify: the body must be one JSON object in UTF-8', { cause })
  }
}
