import { partitionOf } from '@rabble/event-log'

/** Offsets up to which this gateway has read the partitions of the log. */
export interface LogPositions {
  /** Returns the offset of the last batch of a room's partition that was passed on; -1 before the first. */
  of(room: string): number
  /** Returns the same for each partition. */
  all(): readonly number[]
  /** Notes that the batch at an offset was passed on. */
  reached(partition: number, offset: number): void
}

/** `partitions`: number of partitions of the log. */
export function createLogPositions(partitions: number): LogPositions {
  const positions: number[] = new Array(partitions).fill(-1)
  return {
    of: (room) => positions[partitionOf(room, partitions)] ?? -1,
    all: () => positions,
    reached(partition, offset) {
      positions[partition] = offset
    },
  }
}
