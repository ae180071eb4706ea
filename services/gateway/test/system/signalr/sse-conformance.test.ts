import t from 'tap'
import { testTransport } from '../../transport-conformance.ts'
import { connectHubChat } from './hub-connection.ts'

testTransport(t, {
  name: 'signalr',
  variant: true,
  answersPings: false,
  codes: false,
  connect: (t, gateway, options) => connectHubChat(t, gateway, { ...options, over: 'ServerSentEvents' }),
})
