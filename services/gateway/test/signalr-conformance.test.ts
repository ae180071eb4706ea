import t from 'tap'
import { connectHubChat } from './signalr.ts'
import { testTransport } from './transport-conformance.ts'

testTransport(t, { name: 'signalr', connect: connectHubChat })
