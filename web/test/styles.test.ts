import { readFileSync } from 'node:fs'
import t from 'tap'
import { filesIn, folder } from './texts/source.ts'

/** Declarations that name the left or the right, which are the same in all directions of writing. */
const sided =
  /(?:^|[\s;{])(?:(?:scroll-)?(?:margin|padding)-(?:left|right)|border-(?:left|right)[a-z-]*|border-(?:top|bottom)-(?:left|right)-radius|left|right)\s*:|(?:float|clear|text-align|caption-side|justify-\w+)\s*:\s*(?:left|right)\b|translateX\(/
/** Declarations of four sides, whose second one is the right and whose fourth one is the left. */
const four =
  /(?:^|[\s;{])((?:scroll-)?(?:margin|padding)|inset|border-(?:width|style|color|radius))\s*:\s*([^;]+)/

/** Returns the lines of a style sheet that don't follow the direction of writing. */
function physicalIn(css: string): string[] {
  const code = css.replaceAll(/\/\*[\s\S]*?\*\//g, (comment) => comment.replaceAll(/[^\n]/g, ' '))
  return code.split('\n').flatMap((line, index) => (isPhysical(line) ? [`${index + 1}: ${line.trim()}`] : []))
}

function isPhysical(line: string): boolean {
  if (sided.test(line)) return true
  const [, property = '', value = ''] = four.exec(line) ?? []
  const [first, second, third, fourth] = value.match(/(?:\w+\((?:[^()]|\([^()]*\))*\)|\S)+/g) ?? []
  if (property === 'border-radius') {
    // Corners, clockwise from the top left. Two values are the diagonals.
    if (second === undefined) return false
    return first !== second || (third ?? first) !== (fourth ?? second)
  }
  return fourth !== undefined && second !== fourth
}

t.test('the styles follow the direction of writing', async (t) => {
  const sheets = filesIn(/\.css$/)
  t.ok(sheets.length > 5, 'the styles are read')
  for (const sheet of sheets) t.same(physicalIn(readFileSync(`${folder}${sheet}`, 'utf8')), [], sheet)
})

t.test('sides are found in all forms of declarations', async (t) => {
  const physical = [
    'margin-left: 1px',
    'border-right-width: 0',
    'a { left: 0; }',
    'text-align: right',
    'border-top-left-radius: 1px',
    'padding: 1px 2px 3px 4px',
    'inset: 0 auto 0 0',
    'border-radius: 0 1px 1px 0',
    'border-radius: 0 1px',
    'transform: translateX(-50%)',
  ]
  for (const line of physical) t.equal(physicalIn(line).length, 1, line)
  const logical = [
    'margin-inline-start: 1px',
    'text-align: start',
    'padding: 1px 2px 3px',
    'padding: 1px var(--a) max(1px, var(--b)) var(--a)',
    'inset: 0 0 auto',
    'border-radius: 1px',
    'grid-template-columns: 1px 2px 3px 4px',
    '/* margin-left: 1px */',
    'text-align: center',
  ]
  for (const line of logical) t.same(physicalIn(line), [], line)
})
