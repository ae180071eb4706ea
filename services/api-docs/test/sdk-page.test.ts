import { readFileSync } from 'node:fs'
import t from 'tap'

// Seen from services/api-docs/dist/test.
const sdk = new URL('../../../../packages/client/', import.meta.url)
const page = readFileSync(new URL('../../../../web/dist/site/api/docs/client.html', import.meta.url), 'utf8')

/** Returns the names that a module exports, and those of the modules whose exports it passes on. */
function exportsOf(file: URL): string[] {
  const text = readFileSync(file, 'utf8')
  const declared = text.matchAll(/^export (?:async )?(?:function\*?|class|interface|type|const) (\w+)/gm)
  const listed = [...text.matchAll(/^export (?:type )?\{([^}]+)\}/gm)].flatMap(([, list = '']) =>
    list.split(',').map((one) =>
      one
        .trim()
        .replace(/^type /, '')
        .replace(/^.* as /, ''),
    ),
  )
  const passed = [...text.matchAll(/^export (?:type )?\* from '(.+)'/gm)].flatMap(([, path = '']) =>
    exportsOf(new URL(path, file)),
  )
  return [...[...declared].map(([, name = '']) => name), ...listed, ...passed].filter((name) => name !== '')
}

const { exports } = JSON.parse(readFileSync(new URL('package.json', sdk), 'utf8')) as {
  exports: Record<string, { types: string }>
}

for (const [path, { types }] of Object.entries(exports)) {
  const entry = path === '.' ? 'client' : path.slice(2)
  t.test(`the page has each name that "${entry}" exports, with a description`, async (t) => {
    const names = exportsOf(new URL(types.replace('./dist/', '').replace('.d.ts', '.ts'), sdk))
    t.ok(names.length > 0, 'the names are found')
    for (const name of names) {
      const [, section = ''] = page.split(`<section id="${entry}-${name}">`)
      const description = /<p class="callers">\w+<\/p>\n<p>(.+)/.exec(section.split('</section>')[0] ?? '')
      t.ok((description?.[1]?.length ?? 0) > 10, name)
    }
    const sections = page.match(new RegExp(`<section id="${entry}-`, 'g')) ?? []
    t.equal(sections.length, names.length, 'and no other')
  })
}

t.test('members of an interface are there with their meanings, also inherited ones', async (t) => {
  const [, room = ''] = page.split('<section id="client-Room">')
  const [own = ''] = room.split('</section>')
  t.match(own, /<code>loadOlder<\/code>.*\(limit\?: number\): Promise.*Loads a page of messages/)
  t.match(own, /<code>subscribe<\/code>.*Calls <code>listener<\/code> after changes/)
  const [, limits = ''] = page.split('<section id="client-Limits">')
  t.match(limits.split('</section>')[0], /textCharacters.*too-large/, 'of the protocol, too')
})
