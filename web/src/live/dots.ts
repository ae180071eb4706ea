/** A dot of the picture stands for some sessions. They keep their dot when they move to another gateway. */
export interface Dot {
  id: number
  gateway: string
  /** Index among the dots of its gateway, from the middle outwards. */
  place: number
}

/** Maximum number of dots. */
const most = 150

/** Returns the number of sessions per dot that keeps the picture within `most` dots: 1, 2, 5, 10 … */
export function sessionsPerDot(sessions: number): number {
  for (let scale = 1; ; scale *= 10) {
    for (const step of [1, 2, 5]) if (sessions / (step * scale) <= most) return step * scale
  }
}

/**
 * Moves the dots until each gateway has its number of `wanted` ones. As many as possible stay. Surplus dots move to gateways
 * that lack some. Only the rest is added or removed.
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
  // Sorted by id, the dots keep their elements, whose moves are then animated.
  return moved.sort((one, other) => one.id - other.id)
}
