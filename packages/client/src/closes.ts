import type { closeCodes } from '@rabble/contract'
import type { CloseErrorCode, CloseNames } from './errors.ts'

type Names = Readonly<Record<number, CloseErrorCode | undefined>>

// The SDK imports only types from the contract: the compiler compares these lists with it.
const final: CloseNames<typeof closeCodes, false> = {
  1007: 'not-text',
  1008: 'policy',
  1009: 'too-large',
  4401: 'token-expired',
}
const passing: CloseNames<typeof closeCodes, true> = {
  1001: 'going-away',
  1012: 'restarting',
  1013: 'too-slow',
  4408: 'no-hello',
}

/** Close code → name, of closes after which the client must not come back. */
export const finalCloses: Names = final
/** Close code → name, of the others. */
export const passingCloses: Names = passing
