import t from 'tap'
import { connectHubChat } from './signalr.ts'
import { testTransport } from './transport-conformance.ts'

testTransport(t, {
  name: 'signalr',
  connect: (t, gateway, options) => connectHubChat(t, gateway, { ...options, messagePack: true }),
})
