export interface Bar {
  name: string
  value: number
}

const [width, labelWidth, barHeight, gap, top] = [720, 130, 22, 10, 44]

/** Returns a chart of horizontal bars as SVG, with colours for light and dark pages. */
export function chart(title: string, bars: readonly Bar[]): string {
  const largest = Math.max(...bars.map(({ value }) => value))
  const height = top + bars.length * (barHeight + gap) + gap
  const rows = bars.map(({ name, value }, n) => {
    const y = top + n * (barHeight + gap)
    const length = Math.max(1, Math.round((value / largest) * (width - labelWidth - 80)))
    const middle = y + barHeight / 2 + 5
    const kind = name.startsWith('rabble') ? 'own' : 'other'
    return [
      `<text x="${labelWidth - 10}" y="${middle}" text-anchor="end">${name}</text>`,
      `<rect class="${kind}" x="${labelWidth}" y="${y}" width="${length}" height="${barHeight}" rx="3"/>`,
      `<text x="${labelWidth + length + 8}" y="${middle}">${value}</text>`,
    ].join('')
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">`,
    '<style>',
    'text { font: 14px system-ui, sans-serif; fill: #24292f }',
    '.title { font-weight: 600 } .own { fill: #2563eb } .other { fill: #9ca3af }',
    '@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .own { fill: #60a5fa } .other { fill: #6b7280 } }',
    '</style>',
    `<text class="title" x="10" y="24">${title}</text>`,
    ...rows,
    '</svg>\n',
  ].join('\n')
}
