import type * as FakeGateways from '../../client/dist/test/fake-gateway.d.ts'
import type * as FakeHistories from '../../client/dist/test/fake-history.d.ts'

// Relative to packages/react/dist/test. The package of the SDK exports none of its tests.
const tests = new URL('../../../client/dist/test/', import.meta.url)
const gateways: typeof FakeGateways = await import(new URL('fake-gateway.js', tests).href)
const histories: typeof FakeHistories = await import(new URL('fake-history.js', tests).href)

export type { FakeGateway } from '../../client/dist/test/fake-gateway.d.ts'
export const { joined, lose, message, refusal, startFakeGateway } = gateways
export const { openRoom } = histories
