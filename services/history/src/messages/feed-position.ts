import { RabbleError } from '@rabble/contract'

/** Place of a reader in one partition. */
export interface FeedPlace {
  /** Sequence of the last event that was read. */
  sequence: number
  /** Number of gaps of the partition that the reader was told of. */
  gaps: number
  /** Sequence up to which the reader was told that events may have been deleted. */
  retired: number
}

/** Position in the events of all partitions. It holds all that a reader was told, so that servers remember nothing of readers. */
export interface FeedPosition {
  /** Id of the database. */
  database: string
  /** Places by partition. */
  places: FeedPlace[]
}

export const firstPlace: FeedPlace = { sequence: 0, gaps: 0, retired: 0 }

const number = '[0-9]{1,16}'
const form = new RegExp(`^[0-9a-f]{12}(?:-${number}(?:\\.${number}(?:\\.${number})?)?)*$`)

/** Returns the text of a position, which is opaque to readers. Numbers at the end of a place are left out if they are 0. */
export function formatPosition({ database, places }: FeedPosition): string {
  const texts = places.map(({ sequence, gaps, retired }) => {
    if (retired > sequence) return `${sequence}.${gaps}.${retired}`
    return gaps > 0 ? `${sequence}.${gaps}` : `${sequence}`
  })
  return [database, ...texts].join('-')
}

/** @throws RabbleError `bad-frame` for a text that is no position */
export function parsePosition(text: string): FeedPosition {
  if (!form.test(text))
    throw new RabbleError('bad-frame', 'after must be a position that an answer has given')
  const [database = '', ...places] = text.split('-')
  return {
    database,
    places: places.map((place) => {
      const [sequence = 0, gaps = 0, retired = 0] = place.split('.').map(Number)
      return { sequence, gaps, retired }
    }),
  }
}
