import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import ts from 'typescript'
import { filesIn, repository } from './repository.ts'

/** A line of prose, without the marks of a list or a quotation. */
interface Line {
  number: number
  text: string
}

/** Returns each paragraph, list item, tag and table cell of a page. Headings, code and HTML are left out. */
function blocksOf(page: string): Line[][] {
  const blocks: Line[][] = []
  let paragraph: Line[] = []
  const finish = () => {
    if (paragraph.length > 0) blocks.push(paragraph)
    paragraph = []
  }
  let fence: string | undefined
  for (const [index, line] of page.split('\n').entries()) {
    const number = index + 1
    const text = line
      .replace(/^[\s>]+/, '')
      .replaceAll(/(?<!`)`[^`]+`(?!`)/g, '`…`')
      .trimEnd()
    const [mark] = /^(```|~~~)/.exec(text) ?? []
    if (fence !== undefined) {
      if (mark === fence) fence = undefined
    } else if (mark !== undefined) {
      finish()
      fence = mark
    } else if (text === '' || /^(#{1,6} |<)/.test(text)) {
      finish()
    } else if (text.startsWith('|')) {
      finish()
      const cells = text.split(/(?<!\\)\|/).map((cell) => cell.trim())
      blocks.push(...cells.filter((cell) => cell !== '').map((cell) => [{ number, text: cell }]))
    } else {
      const item = /^([-*+]|\d+[.)]|@\w+) +/.exec(text)
      if (item !== null) finish()
      paragraph.push({ number, text: text.slice(item?.[0].length ?? 0) })
    }
  }
  finish()
  return blocks
}

/** Returns the sentences of a block, each with the number of the line on which it begins. */
function sentencesOf(block: readonly Line[]): Line[] {
  const sentences: Line[] = []
  let open: Line | undefined
  for (const { number, text } of block) {
    for (const part of text.split(/(?<=[.!?][)"'”’*_]*) +/)) {
      open = open === undefined ? { number, text: part } : { ...open, text: `${open.text} ${part}` }
      if (!/[.!?][)"'”’*_]*$/.test(part)) continue
      sentences.push(open)
      open = undefined
    }
  }
  return open === undefined ? sentences : [...sentences, open]
}

function isBad(sentence: string): boolean {
  if (/\bunless told\b/i.test(sentence)) return true
  const question = /\?[)"'”’*_]*$/.test(sentence)
  const heading = /^\*\*[^*]+\*\*$/.test(sentence)
  return !question && !heading && /^[("'“‘*_]*(Who|Whoever|Whom|What) /.test(sentence)
}

/** Returns the bad sentences of a page, or of a comment that begins on line `first` of a file. */
function complaintsAbout(name: string, page: string, first = 1): string[] {
  return blocksOf(page)
    .flatMap(sentencesOf)
    .filter(({ text }) => isBad(text))
    .map(({ number, text }) => `${name}:${first + number - 1}: ${text}`)
}

/** Returns the comments of a TypeScript file in their order, without those in strings and in the text of JSX. */
function rangesIn(file: ts.SourceFile): ts.CommentRange[] {
  const found = new Map<number, ts.CommentRange>()
  const visit = (node: ts.Node) => {
    const children = node.getChildren(file).filter((child) => !ts.isJSDoc(child))
    for (const child of children) visit(child)
    if (children.length > 0 || ts.isJsxText(node)) return
    // A token begins at the end of the one before, so these are all comments between the two.
    const trailing = ts.getTrailingCommentRanges(file.text, node.pos) ?? []
    const leading = ts.getLeadingCommentRanges(file.text, node.pos) ?? []
    for (const range of [...trailing, ...leading]) found.set(range.pos, range)
  }
  visit(file)
  return [...found.values()].sort((one, other) => one.pos - other.pos)
}

/** Returns the text of each comment without its marks. Line comments on successive lines of their own are one comment. */
function commentsIn(name: string, code: string): Line[] {
  const file = ts.createSourceFile(name, code, ts.ScriptTarget.Latest)
  const comments: Line[] = []
  let next: number | undefined
  for (const { kind, pos, end } of rangesIn(file)) {
    const { line, character } = file.getLineAndCharacterOfPosition(pos)
    const isBlock = kind === ts.SyntaxKind.MultiLineCommentTrivia
    const text = code.slice(pos + 2, isBlock ? end - 2 : end).replaceAll(/^\s*[*/]+/gm, '')
    const isAlone = !isBlock && code.slice(pos - character, pos).trim() === ''
    const last = comments.at(-1)
    if (isAlone && line === next && last !== undefined) last.text += `\n${text}`
    else comments.push({ number: line + 1, text })
    next = isAlone ? line + 1 : undefined
  }
  return comments
}

/** Words of which each complaint has one. Most files have none, and parsing them would take most of the time. */
const inBadSentences = /\b(?:Who|Whoever|Whom|What|[Uu]nless|UNLESS)\b/
const inBadStrings = /\b(?:who|whoever|whom|whose|what|whether|unless)\b/i

function complaintsAboutComments(name: string, code: string): string[] {
  if (!inBadSentences.test(code)) return []
  return commentsIn(name, code).flatMap(({ number, text }) => complaintsAbout(name, text, number))
}

/** Returns the text of each string, template and text of JSX, with `…` in place of a template's expressions. */
function stringsIn(name: string, code: string): Line[] {
  const file = ts.createSourceFile(name, code, ts.ScriptTarget.Latest)
  const strings: Line[] = []
  const visit = (node: ts.Node) => {
    const text = textOf(node)
    const start = ts.isJsxText(node) ? node.pos : node.getStart(file)
    const { line } = file.getLineAndCharacterOfPosition(start)
    if (text !== undefined) strings.push({ number: line + 1, text })
    ts.forEachChild(node, visit)
  }
  visit(file)
  return strings
}

function textOf(node: ts.Node): string | undefined {
  if (ts.isStringLiteralLike(node) || ts.isJsxText(node)) return node.text
  if (!ts.isTemplateExpression(node)) return undefined
  return node.head.text + node.templateSpans.map(({ literal }) => `…${literal.text}`).join('')
}

/** Error messages and lines of logs begin with a small letter, and may begin with such a clause, too. */
function beginsWithClause(text: string): boolean {
  return /^(who|whoever|whom|whose|what|whether) .*[^?]$/.test(text)
}

function complaintsAboutStrings(name: string, code: string): string[] {
  if (!inBadStrings.test(code)) return []
  return stringsIn(name, code).flatMap(({ number, text }) =>
    beginsWithClause(text) ? [`${name}:${number}: ${text}`] : complaintsAbout(name, text, number),
  )
}

t.test('a sentence that is hard to read is found', async (t) => {
  const page = [
    '# What is promised',
    '',
    'A client waits. Who comes back',
    'keeps its name. It ends unless',
    'told otherwise. What is a room? **What bounds it.** See `a.b`, `a. What b` and `unless told`.',
    '',
    '| name  | meaning                              |',
    '| ----- | ------------------------------------ |',
    '| `url` | A name. What others see. 5 unless told. |',
    '',
    '```sh',
    'What a program prints.',
    '```',
    '- Whoever may write is believed',
    '2. Whom do you mean? "Whom the room lets in" may read.',
  ].join('\n')
  t.same(complaintsAbout('page.md', page), [
    'page.md:3: Who comes back keeps its name.',
    'page.md:4: It ends unless told otherwise.',
    'page.md:9: What others see.',
    'page.md:9: 5 unless told.',
    'page.md:14: Whoever may write is believed',
    'page.md:15: "Whom the room lets in" may read.',
  ])
})

t.test('a comment that is hard to read is found, and only in comments', async (t) => {
  const code = [
    '#!/usr/bin/env node',
    '/** Who waits is served. */',
    'export function serve(): string {',
    '  // A client waits. It is served at once, unless',
    '  // told otherwise. What is a room? `What` is a word.',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is TypeScript to be parsed, not evaluated
    '  return `// What a template holds.${1 /* Whoever counts, */}`',
    '}',
    '/**',
    ' * Serves. Says, when it is done,',
    ' * What it did',
    ' * @throws What went wrong',
    ' * ```',
    ' * What an example prints.',
    ' * ```',
    ' */',
    "const pattern = /[/*] What's matched/ // A pattern",
    '// What follows a trailing comment.',
    "const text = '// What a string says.'",
    'const page = (',
    '  <p>',
    "    // What the page doesn't say.{/* Whom it serves */} /* What it does. */",
    '    <b title="x">// What is bold.</b>',
    '  </p>',
    ')',
    '// 5 unless told.',
  ].join('\n')
  t.same(complaintsAboutComments('page.tsx', code), [
    'page.tsx:2: Who waits is served.',
    'page.tsx:4: It is served at once, unless told otherwise.',
    'page.tsx:6: Whoever counts,',
    'page.tsx:11: What went wrong',
    'page.tsx:17: What follows a trailing comment.',
    'page.tsx:21: Whom it serves',
    'page.tsx:25: 5 unless told.',
  ])
})

t.test('a text that is hard to read is found in code', async (t) => {
  const code = [
    "import { what } from 'what'",
    "const kinds = ['what', 'who'] // What is no string",
    "fail('who may read is not known', 'the room is closed')",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is TypeScript to be parsed, not evaluated
    'fail(`${name} is gone. Whoever comes back waits`, `${who} what`)',
    'const page = (',
    '  <p title="What you write is kept.">',
    '    <b>Ada</b> who wrote this. What is a room?',
    '    Whom you invite',
    '  </p>',
    ')',
    "ask('what is it?', `select x",
    '  where y`)',
  ].join('\n')
  t.same(complaintsAboutStrings('page.tsx', code), [
    'page.tsx:3: who may read is not known',
    'page.tsx:4: Whoever comes back waits',
    'page.tsx:6: What you write is kept.',
    'page.tsx:8: Whom you invite',
  ])
})

t.test('no page has a sentence that begins with a clause, or says "unless told"', async (t) => {
  const pages = filesIn('', /\.md$/)
  t.ok(pages.length > 10, 'the pages are found')
  t.same(
    pages.flatMap((page) => complaintsAbout(page, readFileSync(join(repository, page), 'utf8'))),
    [],
  )
})

for (const folder of ['packages', 'services', 'web', 'test', 'bench']) {
  t.test(`nor has a comment in ${folder}`, async (t) => {
    const files = filesIn(folder, /\.tsx?$/)
    t.ok(files.length > 10, 'the files are found')
    t.same(
      files.flatMap((file) => complaintsAboutComments(file, readFileSync(join(repository, file), 'utf8'))),
      [],
    )
  })
}

t.test('nor has a text in code', async (t) => {
  const files = filesIn('', /\.tsx?$/).filter((path) => /\/src\/(?!conformance\/)/.test(path))
  t.ok(files.length > 100, 'the files are found')
  t.same(
    files.flatMap((file) => complaintsAboutStrings(file, readFileSync(join(repository, file), 'utf8'))),
    [],
  )
})
