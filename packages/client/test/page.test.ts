import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { closeCodes } from '@rabble/contract'
import t from 'tap'

// Relative to packages/client/dist/test.
const repository = fileURLToPath(new URL('../../../../', import.meta.url))
const read = (path: string) => readFileSync(`${repository}${path}`, 'utf8')
const page = read('docs/client.md')
const source = (name: string) => read(`packages/client/src/${name}.ts`)
const types = ['types', 'events', 'state', 'options', 'errors'].map(source).join('\n')

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
  const body = types.split(new RegExp(`\\binterface ${name}\\b`))[1]?.split('\n}')[0] ?? ''
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)[?(<:]/gm)].map(([, member = '']) => member)
}

/** Returns the literals of a property in a union type. */
function literals(name: string, property: string): string[] {
  const body = types.split(`export type ${name} =`)[1]?.split(/\n\n/)[0] ?? ''
  return [...body.matchAll(new RegExp(`${property}'([\\w-]+)'`, 'g'))].map(([, literal = '']) => literal)
}

/** Returns the names that a part exports, but for types. */
function exported(part: string): string[] {
  const names = [...source(part).matchAll(/^export (?:async )?function\*? ?(\w+)/gm)].map(
    ([, name = '']) => name,
  )
  const others = [...source(part).matchAll(/^export \{ (.*) \} from/gm)].flatMap(([, list = '']) =>
    list.split(', '),
  )
  return [
    ...names,
    ...others.filter((name) => !name.startsWith('type ')).map((name) => name.replace(/.* as /, '')),
  ]
}

const parts = ['rooms', 'search', 'moderation', 'session', 'reactions', 'signals']
const closes = Object.keys(closeCodes).map((name) =>
  name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
)

const wanted: Record<string, string[]> = {
  connect: members('ConnectOptions'),
  'The chat': [
    ...members('Chat'),
    ...members('ChatSnapshot'),
    ...members('ChatEvents'),
    ...literals('ChatState', 'status: '),
  ],
  Rooms: [...members('Room'), ...members('RoomSnapshot')],
  Sending: members('Pending'),
  'Listeners, readers and snapshots': members('Source'),
  'Events of a room': members('RoomEvents'),
  Errors: [...literals('ClientErrorCode', '\\| '), ...closes],
}

t.test('the page tells all functions of the parts', async (t) => {
  for (const name of parts.flatMap(exported)) t.ok(section('Parts').includes(`\`${name}\``), name)
})

for (const [heading, names] of Object.entries(wanted)) {
  t.test(`the page tells all of "${heading}", and nothing that isn’t there`, async (t) => {
    t.ok(names.length >= 5)
    t.same([...new Set(documented(heading))], [...new Set(names)].sort())
  })
}
