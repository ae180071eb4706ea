import { assertNothingLeft, startRabbitMq } from '@rabble/harness'
import { connect } from 'amqplib'
import t from 'tap'
import { patientLimits } from '../../src/conformance/fixture.ts'
import { testEventLog } from '../../src/conformance/index.ts'
import { connectRabbitMqLog } from '../../src/index.ts'

assertNothingLeft(t)

const broker = await startRabbitMq(t)

t.test('the RabbitMQ log conforms', async (t) => {
  let number = 0
  testEventLog(t, async (t) => {
    const prefix = `conformance-${number++}`
    return {
      async open(options) {
        const limits = { ...patientLimits, ...options?.limits }
        const log = await connectRabbitMqLog({ ...options, limits, url: broker.url, prefix })
        t.teardown(() => log.close())
        return log
      },
      async inject(text) {
        const connection = await connect(broker.url)
        const channel = await connection.createConfirmChannel()
        channel.publish(`${prefix}.events`, '', Buffer.from(text))
        await channel.waitForConfirms()
        await connection.close()
      },
      freeze: broker.freeze,
      thaw: broker.thaw,
    }
  })
})
