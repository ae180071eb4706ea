import { connectChat } from '@rabble/harness'
import t from 'tap'
import { testTransport } from '../../transport-conformance.ts'

testTransport(t, {
  name: 'sse',
  variant: true,
  connect: (t, { ws }, options) => connectChat(t, ws, { ...options, transport: 'sse' }),
})
