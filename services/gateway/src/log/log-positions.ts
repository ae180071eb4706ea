import { partitionOf } from '@rabble/event-log'

/** How far this gateway has read each partition of the log. */
export interface LogPositions {
  /** Returns the offset of the last batch of a room's partition that was handed on; -1 before the first. */
  of(room: string): number
  /** Returns the same for each partition. */
  all(): readonly number[]
  /** Takes note that the batch at an offset was handed on. */
  reached(partition: number, offset: number): void
}

/** `partitions` is the log's number of them. */
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
