import type { JSX } from 'preact'
import { t } from '../texts/texts.ts'

export interface RoomSettings {
  topic: string
  access: 'open' | 'invite'
  /** Maximum number of users; null: no limit. */
  capacity: number | null
  /** Whether the members see how far the others have read. */
  receipts: boolean
  /** Whether every member may mention `@room` and `@here`. */
  mentionAll: boolean
}

/** Fields for the settings of a room, to create or change it. */
export function RoomFields({
  topic = '',
  access,
  capacity,
  receipts = true,
  mentionAll = false,
}: Partial<RoomSettings>): JSX.Element {
  return (
    <>
      <label for="room-topic">{t.rooms.topic}</label>
      <input id="room-topic" name="topic" type="text" defaultValue={topic} />
      <label for="room-capacity">{t.rooms.capacity}</label>
      <input
        id="room-capacity"
        name="capacity"
        type="text"
        inputMode="numeric"
        maxLength={7}
        defaultValue={capacity === null || capacity === undefined ? '' : String(capacity)}
        placeholder={t.rooms.anyNumber}
      />
      <fieldset class="choices">
        <legend>{t.rooms.access}</legend>
        <label class="choice">
          <input type="radio" name="access" value="open" defaultChecked={access !== 'invite'} />
          {t.rooms.everybody}
        </label>
        <label class="choice">
          <input type="radio" name="access" value="invite" defaultChecked={access === 'invite'} />
          {t.rooms.invitedOnly}
        </label>
      </fieldset>
      <label class="choice">
        <input type="checkbox" name="receipts" defaultChecked={receipts} />
        {t.rooms.receipts}
      </label>
      <label class="choice">
        <input type="checkbox" name="mentionAll" defaultChecked={mentionAll} />
        {t.rooms.mentionAll}
      </label>
    </>
  )
}

const maxPeople = 1_000_000

/** Reads the fields. @throws Error with a message for people */
export function readFields(data: FormData): RoomSettings {
  const capacity = String(data.get('capacity')).trim()
  const number = Number(capacity)
  if (capacity !== '' && !(Number.isInteger(number) && number >= 1 && number <= maxPeople)) {
    throw new Error(t.rooms.badCapacity(maxPeople))
  }
  return {
    topic: String(data.get('topic')).trim(),
    access: data.get('access') === 'invite' ? 'invite' : 'open',
    capacity: capacity === '' ? null : number,
    receipts: data.has('receipts'),
    mentionAll: data.has('mentionAll'),
  }
}
