import type { Happened } from './schedule.ts'
import type { Verdict } from './verdict.ts'

export interface Report {
  seed: number
  people: number
  /** Targets of faults, in the order of the picture. */
  targets: readonly string[]
  happened: readonly Happened[]
  acknowledged: number
  shown: number
  /** Time (s) from the last fault until everybody could write and was read by everybody. */
  wholeAfter: number
  verdict: Verdict
}

const colours: Readonly<Record<string, string>> = {
  'kill -9': '#c62828',
  frozen: '#1565c0',
  cut: '#ef6c00',
  'no packets': '#6a1b9a',
  slow: '#00838f',
}
const otherColour = '#555'

/** Number of findings that are told, at most: one defect usually has many. */
const mostFindings = 40

/** Returns the report as lines of text. */
export function textOf({ seed, people, happened, acknowledged, shown, wholeAfter, verdict }: Report): string {
  const kinds = [...new Set(happened.map(({ kind }) => kind))].sort()
  const countOf = (wanted: string) => happened.filter(({ kind }) => kind === wanted).length
  return [
    `seed ${seed}: ${happened.length} faults (${kinds.map((kind) => `${kind} ${countOf(kind)}`).join(', ')})`,
    `${people} people, ${acknowledged} messages acknowledged, ${shown} shown, gaps told ${verdict.gapsTold}`,
    `whole again ${wholeAfter.toFixed(1)} s after the last fault`,
    ...Object.entries(verdict.counts).map(([promise, count]) => `${promise}: ${count}`),
    ...verdict.findings.slice(0, mostFindings),
    ...(verdict.findings.length > mostFindings ? [`and ${verdict.findings.length - mostFindings} more`] : []),
  ].join('\n')
}

/** Returns the report as a page with a picture of the faults over time. */
export function pageOf(report: Report): string {
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Chaos, seed ${report.seed}</title>
<style>body{font:14px/1.5 system-ui;margin:2em;max-width:76em}svg{width:100%;height:auto}pre{white-space:pre-wrap}</style>
<h1>Chaos, seed ${report.seed}</h1>
${timeline(report)}
<pre>${escaped(textOf(report))}</pre>
</html>
`
}

/** Returns a row for each target, and a bar for each of its faults. */
function timeline({ targets, happened }: Report): string {
  const [left, row, width] = [170, 18, 1_000]
  const end = Math.max(1, ...happened.map(({ to }) => to))
  const x = (time: number) => left + (time / end) * (width - left)
  const height = targets.length * row + 24
  const rows = targets.map((target, n) => {
    const y = n * row
    const bars = happened
      .filter((fault) => fault.target === target)
      .map(({ kind, from, to }) => {
        const size = Math.max(1.5, x(to) - x(from)).toFixed(1)
        const colour = colours[kind] ?? otherColour
        return `<rect x="${x(from).toFixed(1)}" y="${y + 3}" width="${size}" height="${row - 6}" fill="${colour}"><title>${kind}: ${(from / 1000).toFixed(1)} to ${(to / 1000).toFixed(1)} s</title></rect>`
      })
    return `<text x="0" y="${y + 13}" font-size="11">${escaped(target)}</text><line x1="${left}" x2="${width}" y1="${y + row / 2}" y2="${y + row / 2}" stroke="#ddd"/>${bars.join('')}`
  })
  const legend = [...Object.entries(colours), ['other', otherColour]].map(
    ([kind, colour], n) => `<tspan x="${left + n * 110}" fill="${colour}">■ ${kind}</tspan>`,
  )
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="faults over time">${rows.join('\n')}<text y="${height - 6}" font-size="12">${legend.join('')}<tspan x="${width - 60}">${Math.round(end / 1000)} s</tspan></text></svg>`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
