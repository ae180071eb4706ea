import type * as Issuers from '../../../services/rooms/dist/test/issuer.d.ts'

// Relative to test/system/dist/test. The package exports none of its tests.
const source = new URL('../../../../services/rooms/dist/test/issuer.js', import.meta.url)
const issuers: typeof Issuers = await import(source.href)

export const { client, startIssuer } = issuers
