import type { JSX } from 'preact'

export interface RoomSettings {
  topic: string
  access: 'open' | 'invite'
  /** Maximum number of users; null: no limit. */
  capacity: number | null
}

/** Fields for the settings of a room, to create or change it. */
export function RoomFields({ topic, access, capacity }: Partial<RoomSettings>): JSX.Element {
  return (
    <>
      <label for="room-topic">Topic</label>
      <input id="room-topic" name="topic" type="text" defaultValue={topic} />
      <label for="room-capacity">Maximum number of people</label>
      <input
        id="room-capacity"
        name="capacity"
        type="text"
        inputMode="numeric"
        maxLength={7}
        defaultValue={capacity === null || capacity === undefined ? '' : String(capacity)}
        placeholder="Any number"
      />
      <fieldset class="choices">
        <legend>Access</legend>
        <label class="choice">
          <input type="radio" name="access" value="open" defaultChecked={access !== 'invite'} />
          Everybody
        </label>
        <label class="choice">
          <input type="radio" name="access" value="invite" defaultChecked={access === 'invite'} />
          Invited people only
        </label>
      </fieldset>
    </>
  )
}

const maxPeople = 1_000_000

/** Reads the fields. @throws Error with a message for people */
export function readFields(data: FormData): RoomSettings {
  const capacity = String(data.get('capacity')).trim()
  const number = Number(capacity)
  if (capacity !== '' && !(Number.isInteger(number) && number >= 1 && number <= maxPeople)) {
    throw new Error('Maximum number of people: from 1 to 1,000,000, or empty')
  }
  return {
    topic: String(data.get('topic')).trim(),
    access: data.get('access') === 'invite' ? 'invite' : 'open',
    capacity: capacity === '' ? null : number,
  }
}
