import type { Clock } from '@rabble/clock'
import { RabbleError } from '@rabble/contract'
import type { Policy, RoomsClient, UserPolicy } from '@rabble/rooms/client'
import { copyPolicies, type PolicyCopy } from '@rabble/rooms/policy-copy'
import type { Logger } from '@rabble/service'
import type { Metrics } from '../metrics.ts'
import type { ServiceTime } from './service-time.ts'

/** The gateway's copy of bans, mutes and rules of rooms, and the checks that follow from it; see `PolicyCopy`. */
export interface Policies extends Pick<PolicyCopy, 'loaded' | 'announced' | 'room' | 'close'> {
  /** @throws RabbleError `unavailable` while no copy is loaded */
  checkLoaded(): void
  /**
   * Checks a user by all policies that have been announced, and waits for these if necessary.
   * @throws RabbleError `forbidden` if a ban keeps the user out; `unavailable` if that is not known now
   */
  checkEntry(user: string, room?: string): Promise<void>
  /** @throws RabbleError `unauthorized` if this session of a browser has ended */
  checkSession(session: string | undefined): void
  /** @throws RabbleError `forbidden` if the user may not write there now */
  checkVoice(user: string, room: string): void
}

export function followPolicies(options: {
  rooms: Pick<RoomsClient, 'policies'>
  /** Called with new policies: sessions may have to go. */
  changed: (fresh: readonly Policy[]) => void
  time: Pick<ServiceTime, 'now'>
  clock: Clock
  metrics: Metrics
  logger: Logger
}): Policies {
  const { rooms, changed, time, clock, metrics, logger } = options
  let told = false
  let newest = 0
  const copy = copyPolicies({
    rooms,
    observer: {
      fetched(fresh, version, entries) {
        if (version < newest) {
          const known = { known: newest, found: version }
          logger.warn(known, 'rooms knows less than this gateway: its database was lost, or is an older one')
        }
        newest = version
        metrics.policiesVersion.set(version)
        if (!told) logger.info({ version, entries }, 'the policies of rooms and users are known')
        told = true
        changed(fresh)
      },
      failed(error, failures) {
        // The lease reports an outage of the service.
        if (failures === 1) logger.debug({ err: error }, 'the policies can not be fetched; trying again')
      },
    },
    time,
    clock,
  })

  function checkLoaded(): void {
    if (!copy.loaded) throw unknown('the policies of rooms are not known yet')
  }

  return {
    get loaded() {
      return copy.loaded
    },
    announced: copy.announced,
    room: copy.room,
    close: copy.close,
    checkLoaded,
    async checkEntry(user, room) {
      await copy.settled()
      checkLoaded()
      // A user who was just removed by a signal could come back: an old copy does not say why.
      if (copy.failing) throw unknown('the bans are not known right now')
      const ban = copy.find('ban', user, room)
      if (ban !== undefined) throw new RabbleError('forbidden', banSentence(ban))
    },
    checkSession(session) {
      if (session !== undefined && copy.hasEnded(session)) {
        throw new RabbleError('unauthorized', 'the session of this token has ended')
      }
    },
    checkVoice(user, room) {
      const mute = copy.find('mute', user, room)
      if (mute !== undefined) throw new RabbleError('forbidden', sentence('this user may not write', mute))
    },
  }
}

function unknown(message: string): RabbleError {
  return new RabbleError('unavailable', message, { retryAfter: 1000 })
}

/** Returns the sentence that tells a user of a ban. */
export function banSentence(ban: UserPolicy): string {
  return sentence('this user is banned', ban)
}

function sentence(rule: string, { room, expiresAt, reason }: UserPolicy): string {
  const where = room === undefined ? '' : ' in this room'
  const until = expiresAt === undefined ? '' : ` until ${new Date(expiresAt).toISOString()}`
  return `${rule}${where}${until}${reason === undefined || reason === '' ? '' : `: ${reason}`}`
}
