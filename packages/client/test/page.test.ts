import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'

// Relative to packages/client/dist/test.
const repository = fileURLToPath(new URL('../../../../', import.meta.url))
const read = (path: string) => readFileSync(`${repository}${path}`, 'utf8')
const page = read('docs/client.md')
const types = read('packages/client/src/types.ts')

/** Returns the part of the page under a heading. */
function section(heading: string): string {
  const start = page.indexOf(`\n## ${heading}\n`)
  const end = page.indexOf('\n## ', start + 4)
  return page.slice(start, end === -1 ? undefined : end)
}

/** Returns the names in backticks in the first column of the tables of a section. */
function documented(heading: string): string[] {
  const cells = [...section(heading).matchAll(/^\| (`[^|]*`) +\|/gm)].map(([, cell = '']) => cell)
  return cells.flatMap((cell) => [...cell.matchAll(/`([\w-]+)`/g)].map(([, name = '']) => name)).sort()
}

/** Returns the members of an interface. */
function members(name: string): string[] {
  const body = types.split(`export interface ${name} `)[1]?.split('\n}')[0] ?? ''
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)[?(<:]/gm)].map(([, member = '']) => member)
}

/** Returns the literals of a property in a union type. */
function literals(source: string, name: string, property: string): string[] {
  const body = source.split(`export type ${name} =`)[1]?.split(/\n\n/)[0] ?? ''
  return [...body.matchAll(new RegExp(`${property}'([\\w-]+)'`, 'g'))].map(([, literal = '']) => literal)
}

const wanted: Record<string, string[]> = {
  connect: members('ConnectOptions'),
  'The chat': [...members('Chat'), ...members('ChatEvents'), ...literals(types, 'ChatState', 'is: ')],
  Rooms: members('Room'),
  Sending: members('Pending'),
  'Events of a room': [...literals(types, 'RoomEvent', '  \\| \\{ type: '), 'gap', 'changed'],
  Errors: literals(read('packages/client/src/errors.ts'), 'ClientErrorCode', '\\| '),
}

for (const [heading, names] of Object.entries(wanted)) {
  t.test(`the page tells all of "${heading}", and nothing that isn’t there`, async (t) => {
    t.ok(names.length > 5)
    t.same([...new Set(documented(heading))], [...new Set(names)].sort())
  })
}
