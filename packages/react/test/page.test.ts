import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'

// Relative to packages/react/dist/test.
const repository = fileURLToPath(new URL('../../../../', import.meta.url))
const page = readFileSync(`${repository}docs/react.md`, 'utf8')
const source = (name: string) => readFileSync(`${repository}packages/react/src/${name}.ts`, 'utf8')

t.test('the page tells of all that the package exports, and of all that its hooks return', async (t) => {
  const names = [...source('index').matchAll(/\b(?:use[A-Z]\w+|linesOf|ChatProvider)\b/g)].map(
    ([name]) => name,
  )
  const files = ['connection', 'room', 'messages', 'around', 'lines', 'people', 'privacy', 'receipts']
  const views = files.map(source).join('\n')
  const interfaces = [...views.matchAll(/^export interface [\s\S]*?^}/gm)].map(([text]) => text).join('\n')
  const members = [...interfaces.matchAll(/^ {2}(\w+)\??:/gm)].map(([, member = '']) => member)
  t.ok(names.length > 8 && members.length > 20)
  const missing = [...names, ...members].filter((name) => !new RegExp(`\`[^\`]*\\b${name}\\b`).test(page))
  t.same(missing, [])
})

t.test('the example has at most 60 lines', async (t) => {
  const example = readFileSync(`${repository}examples/react/src/main.tsx`, 'utf8')
  t.ok(example.trimEnd().split('\n').length <= 60)
})
