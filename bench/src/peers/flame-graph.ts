/** Part of a CPU profile of V8 (`.cpuprofile`) that a flame graph needs. */
export interface CpuProfile {
  nodes: {
    id: number
    callFrame: { functionName: string; url: string }
    children?: number[]
  }[]
  samples: number[]
  /** Time (µs) before each sample. */
  timeDeltas: number[]
}

interface Frame {
  name: string
  kind: Kind
  /** Time (µs) of the function with all that it called. */
  time: number
  callees: Map<string, Frame>
}

type Kind = 'own' | 'library' | 'node' | 'engine'

const [width, rowHeight, top, margin] = [1200, 17, 58, 10]
/** Share of the whole below which a frame is not drawn. */
const smallest = 0.002

/** Returns a flame graph as SVG: callers below, callees above, the width is the CPU time. Idle time is left out. */
export function flameGraph(title: string, profile: CpuProfile): string {
  const root = framesOf(profile)
  const depth = depthOf(root, root.time)
  const height = top + depth * rowHeight + margin
  const rows: string[] = []
  const scale = (width - 2 * margin) / root.time
  draw(root, margin, 0)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}">`,
    '<style>',
    'text { font: 11px system-ui, sans-serif; fill: #111827 } .title { font-size: 15px; font-weight: 600 }',
    'rect { stroke: #fff; stroke-width: .5 } .page { fill: #fff; stroke: none }',
    '.own { fill: #60a5fa } .library { fill: #fbbf24 } .node { fill: #86efac } .engine { fill: #d1d5db }',
    '</style>',
    `<rect class="page" width="${width}" height="${height}"/>`,
    `<text class="title" x="${margin}" y="22">${escaped(title)}</text>`,
    ...legend(),
    ...rows,
    '</svg>\n',
  ].join('\n')

  function draw(frame: Frame, x: number, level: number): void {
    const length = frame.time * scale
    const y = height - margin - (level + 1) * rowHeight
    const share = `${((frame.time / root.time) * 100).toFixed(1)} %`
    const fits = Math.floor((length - 4) / 6)
    const label = frame.name.length <= fits ? frame.name : `${frame.name.slice(0, fits - 1)}…`
    const text = fits < 4 ? '' : `<text x="${fixed(x + 3)}" y="${y + 12}">${escaped(label)}</text>`
    const tip = `<title>${escaped(frame.name)}: ${share}</title>`
    const box = `x="${fixed(x)}" y="${y}" width="${fixed(length)}" height="${rowHeight}"`
    rows.push(`<g>${tip}<rect class="${frame.kind}" ${box}/>${text}</g>`)
    let left = x
    for (const callee of drawn(frame, root.time)) {
      draw(callee, left, level + 1)
      left += callee.time * scale
    }
  }
}

function legend(): string[] {
  const kinds: [Kind, string][] = [
    ['own', 'Rabble'],
    ['library', 'npm packages'],
    ['node', 'Node.js'],
    ['engine', 'V8, native code, system calls'],
  ]
  return kinds.map(([kind, text], i) => {
    const x = margin + i * 130
    return `<rect class="${kind}" x="${x}" y="32" width="12" height="12"/><text x="${x + 17}" y="42">${text}</text>`
  })
}

/** Adds the samples up to one tree, in which the calls of a function by the same caller are one frame. */
function framesOf({ nodes, samples, timeDeltas }: CpuProfile): Frame {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const times = new Map<number, number>()
  for (const [i, id] of samples.entries()) times.set(id, (times.get(id) ?? 0) + (timeDeltas[i] ?? 0))

  const root: Frame = { name: 'all', kind: 'engine', time: 0, callees: new Map() }
  function add(id: number, into: Frame): number {
    const node = byId.get(id)
    if (node === undefined || node.callFrame.functionName === '(idle)') return 0
    const frame = id === nodes[0]?.id ? into : calleeOf(into, node.callFrame)
    let time = Math.max(0, times.get(id) ?? 0)
    for (const child of node.children ?? []) time += add(child, frame)
    frame.time += time
    return time
  }
  const [first] = nodes
  if (first !== undefined) add(first.id, root)
  return root
}

function calleeOf(caller: Frame, { functionName, url }: CpuProfile['nodes'][number]['callFrame']): Frame {
  const file = url.split('/').at(-1) ?? ''
  const name = [functionName || '(anonymous)', file].filter((part) => part !== '').join(' ')
  const existing = caller.callees.get(name)
  if (existing !== undefined) return existing
  const frame: Frame = { name, kind: kindOf(url), time: 0, callees: new Map() }
  caller.callees.set(name, frame)
  return frame
}

function kindOf(url: string): Kind {
  if (url === '') return 'engine'
  if (url.startsWith('node:')) return 'node'
  return url.includes('/node_modules/') ? 'library' : 'own'
}

/** Returns the callees that are wide enough, the widest first. */
function drawn({ callees }: Frame, whole: number): Frame[] {
  return [...callees.values()].filter(({ time }) => time >= whole * smallest).sort((a, b) => b.time - a.time)
}

function depthOf(frame: Frame, whole: number): number {
  return 1 + Math.max(0, ...drawn(frame, whole).map((callee) => depthOf(callee, whole)))
}

function fixed(value: number): string {
  return value.toFixed(1)
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
