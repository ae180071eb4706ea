import t from 'tap'
import { parse, sources } from './source.ts'
import { readTooEarlyIn, untranslatedIn } from './untranslated.ts'

t.test('each text for people comes from a catalogue', async (t) => {
  const files = sources()
  t.ok(files.length > 100, 'the source is read')
  t.same(files.flatMap(untranslatedIn), [])
})

t.test('texts in the code are found wherever people meet them', async (t) => {
  const shown = [
    '<p>Hello</p>',
    '<p>{name} is here</p>',
    '<p>{"hello"}</p>',
    '<p>{is ? "hello" : name}</p>',
    `<p>{is && \`by \${name}\`}</p>`,
    '<p>{"by " + name}</p>',
    '<input placeholder="words" />',
    '<Icon label={is ? "sent" : t.a.b} />',
    `<a title={\`of \${name}\`} />`,
    'signal("Hello")',
    'return "Not sent: why"',
    `toast(\`The reaction failed: \${problem}\`)`,
    'throw new Error("enter a name")',
    'const words = { one: "nobody here" }',
  ]
  for (const code of shown)
    t.equal(untranslatedIn(parse('a.tsx', `const a = () => {${code}}`)).length, 1, code)
  const hidden = [
    '<p class="quiet small" id="a">{name}: 12 · {other}</p>',
    '<p>{kind === "open" ? t.a.b : t.a.c}</p>',
    '<p>{t.a.b}</p>',
    '<option value="name">{t.a.b}</option>',
    '<a title={t.a.b(name)} />',
    'if (event.key === "Home Base") return',
    'import a from "Some where"',
    'const pattern = "input:not([type]), select"',
    'switch (a) { case "To be": }',
    'let kind: "Hello you"',
  ]
  for (const code of hidden) t.same(untranslatedIn(parse('a.tsx', code)), [], code)
  t.same(untranslatedIn(parse('b/c.tsx', '\n\nfoo(<p>Hi</p>)')), ['b/c.tsx:3: Hi'])
})

t.test('no text is read before the language is known', async (t) => {
  t.same(sources().flatMap(readTooEarlyIn), [])
  t.same(readTooEarlyIn(parse('a.ts', 'const a = () => t.b.c\nconst d = { e: t.f.g }')), ['a.ts:2'])
})
