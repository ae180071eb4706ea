import type { JSX } from 'preact'
import { useRef } from 'preact/hooks'
import { t } from '../texts/texts.ts'
import { type Dot, moveDots, sessionsPerDot } from './dots.ts'
import { type Gateway, isThere } from './gateway-list.ts'

/** Sizes in units of the picture, which are CSS pixels where the page is wide enough. */
const cell = { width: 200, height: 212 }
const radius = 70
const middle = { x: cell.width / 2, y: 84 }
const golden = Math.PI * (3 - Math.sqrt(5))

/** Picture of the gateways with their sessions as dots, which move when a gateway ends. The table has the same data. */
export function Picture({
  gateways,
  here,
  columns,
}: {
  gateways: readonly Gateway[]
  here: string
  columns: number
}): JSX.Element {
  const before = useRef<{ scale: number; dots: Dot[] }>({ scale: 1, dots: [] })
  const across = Math.max(1, Math.min(columns, gateways.length))
  const rows = Math.ceil(gateways.length / across)
  const sessions = gateways.reduce((sum, { sessions, state }) => sum + (isThere(state) ? sessions : 0), 0)
  const scale = sessionsPerDot(sessions)
  const wanted = new Map(
    gateways.map(({ gateway, sessions, state }) => [
      gateway,
      isThere(state) ? Math.ceil(sessions / scale) : 0,
    ]),
  )
  // With another scale a dot stands for other sessions.
  const dots = moveDots(before.current.scale === scale ? before.current.dots : [], wanted)
  before.current = { scale, dots }
  const places = new Map(gateways.map(({ gateway }, index) => [gateway, placeOf(index, across)]))
  const size = { width: across * cell.width, height: rows * cell.height }
  return (
    <figure class="gateway-map">
      <svg
        viewBox={`0 0 ${size.width} ${size.height}`}
        width={size.width}
        height={size.height}
        aria-hidden="true"
      >
        {gateways.map(({ gateway, sessions, state }) => {
          const { x, y } = places.get(gateway) ?? middle
          return (
            <g key={gateway} class={`map-gateway ${state} ${gateway === here ? 'here' : ''}`}>
              <circle class="map-ring" cx={x} cy={y} r={radius} />
              <text class="map-name" x={x} y={y + radius + 24}>
                {shortened(gateway)}
              </text>
              <text class="map-state" x={x} y={y + radius + 44}>
                {words(state, sessions, gateway === here)}
              </text>
            </g>
          )
        })}
        {dots.map(({ id, gateway, place }) => {
          const { x, y } = places.get(gateway) ?? middle
          const step = spread(wanted.get(gateway) ?? 1)
          const distance = step * Math.sqrt(place + 0.5)
          const to = {
            x: x + distance * Math.cos(place * golden),
            y: y + distance * Math.sin(place * golden),
          }
          return (
            <circle
              key={id}
              class={`map-dot ${gateway === here && place === 0 ? 'you' : ''}`}
              r={gateway === here && place === 0 ? 6 : 4}
              style={{ transform: `translate(${to.x.toFixed(1)}px, ${to.y.toFixed(1)}px)` }}
            />
          )
        })}
      </svg>
      <figcaption class="quiet small">{scale === 1 ? t.live.dotIsOne : t.live.dotIsMany(scale)}</figcaption>
    </figure>
  )
}

function placeOf(index: number, across: number): { x: number; y: number } {
  const [column, row] = [index % across, Math.floor(index / across)]
  return { x: column * cell.width + middle.x, y: row * cell.height + middle.y }
}

/** Returns the largest spacing with which all dots fit into the ring. */
function spread(dots: number): number {
  return Math.min(10, (radius - 8) / Math.sqrt(dots + 0.5))
}

/** Shortens a long id in the middle, since ids differ at their ends. */
function shortened(gateway: string): string {
  return gateway.length <= 20 ? gateway : `${gateway.slice(0, 8)}…${gateway.slice(-9)}`
}

function words(state: Gateway['state'], sessions: number, here: boolean): string {
  const stateName = t.live.states[state]
  if (!isThere(state)) return stateName
  const count = t.live.sessionCount(sessions)
  return `${count}${state === 'ready' ? '' : `, ${stateName}`}${here ? ` · ${t.common.you}` : ''}`
}
