import { connectChat } from '@rabble/harness'
import t from 'tap'
import { testTransport } from '../../transport-conformance.ts'

testTransport(t, {
  name: 'socketio',
  variant: true,
  polls: true,
  connect: (t, { ws }, options) => connectChat(t, ws, { ...options, transport: 'socketio-polling' }),
})
