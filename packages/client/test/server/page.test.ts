import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'

// Relative to packages/client/dist/test/server.
const repository = fileURLToPath(new URL('../../../../../', import.meta.url))
const read = (path: string) => readFileSync(`${repository}${path}`, 'utf8')
const types = read('packages/client/src/server/types.ts')

/** Returns the members of an interface. */
function members(name: string): string[] {
  const body = types.split(`export interface ${name} `)[1]?.split('\n}')[0] ?? ''
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)[?(<:]/gm)].map(([, member = '']) => member)
}

t.test('the page tells all options and methods for back ends, and none that isn’t there', async (t) => {
  const [, section = ''] = read('docs/client.md').split('\n## For bots and back ends\n')
  const cells = [...(section.split('\n## ')[0]?.matchAll(/^\| (`[^|]*`) +\|/gm) ?? [])]
  const documented = cells.flatMap(([, cell = '']) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name))
  const wanted = ['ServerOptions', 'ServerClient', 'EventsOptions'].flatMap(members)
  t.ok(wanted.length > 15)
  t.same([...new Set(documented)].sort(), [...new Set(wanted)].sort())
})
