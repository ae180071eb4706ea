import { fileURLToPath } from 'node:url'
import { RabbleError, type Signal } from '@rabble/contract'
import { assertNothingLeft, putIntoQueue, startRabbitMq, takeFromQueue, until } from '@rabble/harness'
import t from 'tap'
import { event, follow } from '../../src/conformance/fixture.ts'
import { administrate, build, timeout } from './build.ts'

// A broker of its own, since the rights are those of its very first start.

assertNothingLeft(t)

const conf = fileURLToPath(new URL('../../../../../docker/rabbitmq-rights.conf', import.meta.url))

t.test(
  'the rights of the services in containers are enough for all that they do, and for nothing else',
  async (t) => {
    const broker = await startRabbitMq(t, { conf })
    const { log, logged } = await build(t, { url: broker.url, prefix: 'rabble' })
    await log.publish(event('1'))
    const reader = follow(t, log, 'first')
    await reader.seen(1)
    // Behind the end, where the reader asks for the last batch.
    const last = follow(t, log, { after: 0 })
    await log.publish(event('2'))
    await last.seen(1)

    const signals: Signal[] = []
    log.onSignal((signal) => signals.push(signal))
    const typing: Signal = { type: 'typing', room: 'general', user: { id: 'ada', name: 'Ada' } }
    const arrived = () => {
      log.signal(typing)
      return signals.length > 0
    }
    await until(arrived, timeout, 'the signal')

    let isTaking = false
    const refuse = async () => {
      throw new RabbleError('bad-frame', 'not a notification')
    }
    const queue = log.takeWork('notify', refuse, {
      active(active) {
        isTaking = active
      },
    })
    t.teardown(() => queue.close())
    await until(() => isTaking, timeout, 'it to take notifications')
    await putIntoQueue(broker.url, 'rabble.notify', [{ body: 'wrong' }])
    const rejected = await takeFromQueue(t, broker.url, 'rabble.notify.rejected')
    await until(() => rejected.length > 0, timeout, 'the notification to be set aside')
    t.match(rejected[0]?.properties.headers, { 'x-rabble-reason': /^bad-frame/ })
    t.same(logged, [])

    const refused = { code: 403 }
    await t.rejects(
      administrate(broker, (channel) => channel.assertQueue('stranger')),
      refused,
    )
    await t.rejects(
      administrate(broker, (channel) => channel.assertExchange('stranger', 'fanout')),
      refused,
    )
    await t.rejects(
      administrate(broker, (channel) => channel.bindQueue('rabble.notify', 'amq.fanout', '')),
      refused,
    )
    const lookUp = '{ok, User} = rabbit_auth_backend_internal:lookup_user(<<"rabble">>)'
    await t.resolves(
      broker.evaluate(`${lookUp}, [] = internal_user:get_tags(User), ok`),
      'it is no administrator',
    )
  },
)
