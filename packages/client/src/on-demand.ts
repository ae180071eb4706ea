// Parts that no page needs before its first connection, in a module that is loaded later.
export { catchUp } from './catch-up.ts'
export { deliver } from './delivery.ts'
export { findDirect } from './find-direct.ts'
export { request } from './http.ts'
export { MemberKeeper } from './member-list.ts'
export { loadOlder } from './older.ts'
export { opener } from './other-sockets.ts'
export { Renewal } from './renewal.ts'
