import type { JSX } from 'preact'
import { remembered } from './gateway-list.ts'

const width = 120
const height = 28

/** Line of a figure over the last two minutes. It decorates the number beside it. */
export function Course({ values, highest }: { values: readonly number[]; highest: number }): JSX.Element {
  const points = values.map((value, index) => {
    const x = width - ((values.length - 1 - index) * width) / (remembered - 1)
    const y = height - 2 - (value / Math.max(1, highest)) * (height - 4)
    return `${x.toFixed(1)},${y.toFixed(1)}`
  })
  return (
    <svg class="course" viewBox={`0 0 ${width} ${height}`} width={width} height={height} aria-hidden="true">
      <polyline points={points.join(' ')} />
    </svg>
  )
}
