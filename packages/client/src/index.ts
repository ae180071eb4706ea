export { connect } from './connect.ts'
export { ChatError, type ChatErrorCode, type ClientErrorCode, type CloseErrorCode } from './errors.ts'
export type * from './types.ts'
