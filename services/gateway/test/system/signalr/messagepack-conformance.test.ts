import t from 'tap'
import { testTransport } from '../../transport-conformance.ts'
import { connectHubChat } from './hub-connection.ts'

testTransport(t, {
  name: 'signalr',
  variant: true,
  connect: (t, gateway, options) => connectHubChat(t, gateway, { ...options, messagePack: true }),
})
