import type { Load } from './load.ts'
import type { System } from './systems.ts'

type Shape = Omit<Load, 'protocol' | 'ports'>

/** Loads, by name. `of` is the number of all members, and `rate` that of deliveries per second where it is fixed. */
export const shapes = {
  big: {
    help: 'one room of all members, 16 messages in flight',
    load: (of: number): Shape => ({ rooms: 1, members: of, senders: Math.min(of, 16), rate: 0 }),
  },
  single: {
    help: 'one room of all members, 1 message in flight',
    load: (of: number): Shape => ({ rooms: 1, members: of, senders: 1, rate: 0 }),
  },
  small: {
    help: 'rooms of 5, everybody sends',
    load: (of: number): Shape => ({ rooms: Math.ceil(of / 5), members: 5, senders: 5, rate: 0 }),
  },
  paced: {
    help: 'rooms of 5, everybody sends, at a fixed rate',
    load: (of: number, rate: number): Shape => ({
      rooms: Math.ceil(of / 5),
      members: 5,
      senders: 5,
      rate: rate / 5,
    }),
  },
}

export function loadOf({ protocol, ports }: System, shape: Shape): Load {
  return { ...shape, protocol, ports }
}
