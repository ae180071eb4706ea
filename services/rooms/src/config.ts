import { parseOrigins, type SettingName, type Settings } from '@rabble/service'
import { defaultHourlyLimits } from './audit/audit.ts'
import type { RoomsOptions } from './options.ts'
import { providerFrom, signInSettings } from './sign-in/config.ts'

/** Settings that the rooms service reads from the environment, alone or together with others in one process. */
export const roomsSettings = [
  'RABBLE_ROOMS',
  'RABBLE_ROOM_CREATION',
  'RABBLE_ROOMS_PER_HOUR',
  'RABBLE_APPEARING_ROOMS_PER_HOUR',
  'RABBLE_AUDIT_DAYS',
  'RABBLE_AUTH',
  'RABBLE_LOGINS_PER_MINUTE',
  'RABBLE_GUEST_DAYS',
  'RABBLE_GUESTS_PER_ADDRESS',
  'RABBLE_ALLOWED_ORIGINS',
  ...signInSettings,
] as const satisfies SettingName[]

/** Returns the settings as options of a rooms service. */
export function roomsConfig(
  settings: Settings<(typeof roomsSettings)[number], never>,
): Pick<
  RoomsOptions,
  | 'mode'
  | 'requireToken'
  | 'allowedOrigins'
  | 'roomCreation'
  | 'hourlyLimits'
  | 'appearingRoomsPerHour'
  | 'auditDays'
  | 'loginsPerMinute'
  | 'guestDays'
  | 'guestsPerAddress'
  | 'provider'
> {
  const provider = providerFrom(settings)
  return {
    ...(provider && { provider }),
    mode: settings.RABBLE_ROOMS,
    requireToken: settings.RABBLE_AUTH !== 'guest',
    roomCreation: settings.RABBLE_ROOM_CREATION,
    hourlyLimits: { ...defaultHourlyLimits, rooms: settings.RABBLE_ROOMS_PER_HOUR },
    appearingRoomsPerHour: settings.RABBLE_APPEARING_ROOMS_PER_HOUR,
    auditDays: settings.RABBLE_AUDIT_DAYS,
    loginsPerMinute: settings.RABBLE_LOGINS_PER_MINUTE,
    guestDays: settings.RABBLE_GUEST_DAYS,
    guestsPerAddress: settings.RABBLE_GUESTS_PER_ADDRESS,
    allowedOrigins: parseOrigins(settings.RABBLE_ALLOWED_ORIGINS),
  }
}
