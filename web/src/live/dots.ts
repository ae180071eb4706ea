/** A dot of the picture: some sessions, which keep their dot when they go to another gateway. */
export interface Dot {
  id: number
  gateway: string
  /** Its place among the dots of its gateway, from the middle outwards. */
  place: number
}

/** More dots say no more than these. */
const most = 150

/** How many sessions a dot stands for, so that there are not too many: 1, 2, 5, 10 … */
export function sessionsPerDot(sessions: number): number {
  for (let scale = 1; ; scale *= 10) {
    for (const step of [1, 2, 5]) if (sessions / (step * scale) <= most) return step * scale
  }
}

/**
 * Where the dots are after `wanted`, the number of dots of each gateway. Those that can stay do; those that their gateway has
 * too many of go to where some are missing, and only then dots come or go.
 */
export function moveDots(dots: readonly Dot[], wanted: ReadonlyMap<string, number>): Dot[] {
  const staying = new Map([...wanted.keys()].map((gateway): [string, number[]] => [gateway, []]))
  const free: number[] = []
  let last = 0
  for (const { id, gateway } of dots) {
    last = Math.max(last, id)
    const here = staying.get(gateway)
    if (here !== undefined && here.length < (wanted.get(gateway) ?? 0)) here.push(id)
    else free.push(id)
  }
  const moved: Dot[] = []
  for (const [gateway, ids] of staying) {
    while (ids.length < (wanted.get(gateway) ?? 0)) ids.push(free.shift() ?? ++last)
    moved.push(...ids.map((id, place) => ({ id, gateway, place })))
  }
  // In the order of their ids they keep their elements, which can so move smoothly.
  return moved.sort((one, other) => one.id - other.id)
}
