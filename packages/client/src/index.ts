export { connect } from './connect.ts'
export { ChatError, type ChatErrorCode, type ClientErrorCode } from './errors.ts'
export type * from './types.ts'
