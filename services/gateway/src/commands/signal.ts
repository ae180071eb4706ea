import type { RoomSignal } from '@rabble/contract'
import type { EventLog } from '@rabble/event-log'
import { checkWritable } from '../messages/access.ts'
import { checkData } from '../messages/message.ts'
import type { Rooms } from '../rooms/index.ts'
import type { Command } from './command.ts'

/** Maximum size (bytes) of `data` as JSON. */
const maxDataBytes = 1024

export interface SignalParts {
  readonly rooms: Pick<Rooms, 'policies'> | undefined
  readonly log: Pick<EventLog, 'signal'>
}

/** Sends data of an application to the members of the room on all gateways: it may get lost and is never stored. */
export const signal: Command<'signal', SignalParts> = ({ rooms, log }, session, { room, name, data }) => {
  const { user } = session
  checkWritable(room, user, session)
  rooms?.policies.checkVoice(user.id, room)
  checkData('data', data, maxDataBytes)
  session.takeSignal()
  log.signal({
    type: 'signal',
    room,
    from: user,
    name,
    ...(data !== undefined && { data }),
  } satisfies RoomSignal)
}
