import type { Backoff } from '@rabble/clock/retry'
import type { Readable } from '../messages/conversations.ts'

/** Keys with which push services recognize this server (VAPID, RFC 8292). */
export interface PushConfig {
  /** Base64url of 65 bytes. Browsers get it, too. */
  publicKey: string
  /** Base64url of 32 bytes. */
  privateKey: string
  /** `mailto:` or `https:` URL, by which a push service reaches the operator. */
  subject: string
  /** Hosts of push services besides the known ones: see `serviceOf`. */
  hosts: readonly string[]
}

/** Pushes to browsers, with the times for tests. */
export interface Push extends PushConfig {
  /** Returns which rooms a user may read now; rejects while that is not known. */
  readable: Readable
  /** Time (ms) after which a stored message is pushed: an open device may read it before. Default: 5 s. */
  grace?: number
  /** Time (ms) between two looks at what is stored. Default: 1 s. */
  interval?: number
  /** Pauses between attempts. Default: 1 s to 8 s. */
  backoff?: Backoff
  /** Time limit (ms) of a request. Default: 10 s. */
  timeout?: number
}

/** A browser that gets pushes. */
export interface Subscription {
  endpoint: string
  p256dh: string
  auth: string
}
