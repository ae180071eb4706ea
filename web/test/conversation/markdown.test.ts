import t from 'tap'
import { parse } from '../../src/conversation/markdown.ts'
import { hasMarks } from '../../src/conversation/markup.ts'
import type { Block, Inline } from '../../src/conversation/tree.ts'

const ada = { id: 'a1', name: 'Ada_L' }

/** Returns a formatted text in short: `em(…)`, `quote[…]`; undefined if it is shown as it is. */
function read(text: string): string | undefined {
  return parse(text, [ada])?.map(block).join(' | ')
}

function block(one: Block): string {
  if (one.type === 'paragraph') return inline(one.children)
  if (one.type === 'quote') return `quote[${one.children.map(block).join(' | ')}]`
  if (one.type === 'code') return `code[${one.info}: ${one.text}]`
  const items = one.items.map((item) => item.map(block).join(' | ')).join('; ')
  return `${one.start ?? one.marker}[${items}]`
}

function inline(pieces: readonly Inline[]): string {
  return pieces
    .map((one) => {
      if (typeof one === 'string') return one
      if (one.type === 'code') return `code(${one.text})`
      if (one.type === 'mention') return `mention(${one.text})`
      if (one.type === 'link') return `link(${inline(one.children)}${one.host ? `, ${one.host}` : ''})`
      return `${one.type}(${inline(one.children)})`
    })
    .join('')
}

t.test('marks of words, lines and code become parts of the text', async (t) => {
  const expected: [string, string][] = [
    ['a *b* **c** ~~d~~ `e*f*`', 'a em(b) strong(c) s(d) code(e*f*)'],
    ['__a__ _b **c**_', 'strong(a) em(b strong(c))'],
    ['one\n  two *three*\n\nfour', 'one\n  two em(three) | four'],
    ['> a\n> b\nmine', 'quote[a\nb] | mine'],
    ['> > deep\n> less', 'quote[quote[deep] | less]'],
    ['- a\n- b\n  - c\nafter', '-[a; b | -[c]] | after'],
    ['3. a\n4. b', '3[a; b]'],
    ['+ 1', '+[1]'],
    ['```js\nlet a = "*"\n\n  b\n```\nend', 'code[js: let a = "*"\n\n  b] | end'],
    ['```\nopen\nend```', 'code[: open\nend]'],
    ['\\*no\\* *yes*', '*no* em(yes)'],
  ]
  for (const [text, tree] of expected) t.equal(read(text), tree, text)
})

t.test('what is no mark of a chat stays as it was written', async (t) => {
  for (const text of [
    '# no heading',
    'a\n===\nb',
    'a\n---\nb',
    '| a | b |\n| - | - |\n| 1 | 2 |',
    '    indented',
    '[a]: https://example.org/ "b"',
    '<b>bold</b> &amp; &#42;',
    '<https://example.org/>',
    'snake_case_name and 2 * 3 * 4',
    'one *\n\ntwo *',
    '@Ada_L and @Ada_L',
    'https://example.org/_a_/*b*',
  ]) {
    t.equal(read(text), undefined, text)
  }
  t.equal(read('*a* <img src=x onerror=alert(1)>'), 'em(a) <img src=x onerror=alert(1)>')
  t.equal(read('*a* ![b](https://example.org/c.png)'), 'em(a) !link(b, example.org)')
  t.equal(read('**a** @Ada_L_b @Ada_L'), 'strong(a) @Ada_L_b mention(@Ada_L)')
  t.equal(read('*a* https://example.org/_b_/ `@Ada_L`'), 'em(a) link(https://example.org/_b_/) code(@Ada_L)')
})

t.test('only addresses of the web are links, and each shows where it leads', async (t) => {
  const to = 'https://example.org/a'
  t.equal(read(`[the *page*](${to})`), 'link(the em(page), example.org)')
  t.equal(read(`[${to}](${to})`), `link(${to})`)
  for (const [text, shown] of [
    [`[https://bank.example](${to})`, `[https://bank.example](link(${to}))`],
    [`[bank.example](${to})`, `[bank.example](link(${to}))`],
    [`[bank\u2024example](${to})`, `[bank\u2024example](link(${to}))`],
    [`[bank.\u200bexample](${to})`, `[bank.\u200bexample](link(${to}))`],
    [`[\u200b](${to})`, `[\u200b](link(${to}))`],
  ] as const) {
    t.equal(read(text), undefined, text)
    t.equal(read(`*a* ${text}`), `em(a) ${shown}`, text)
  }
  for (const address of [
    'javascript:alert(1)',
    'data:text/html,x',
    '/path',
    '#room',
    'mailto:a@b.c',
    '//a.b',
  ]) {
    t.equal(read(`[a](${address})`), undefined, address)
  }
})

t.test('only texts with marks need the parser', async (t) => {
  for (const text of [
    'Hello, world!',
    'a_b',
    '5 * 3',
    'two\n\nlines',
    '(see [1])',
    '10:30 > 9:00',
    '-5',
    '~5',
  ]) {
    t.notOk(hasMarks(text), text)
  }
  for (const text of ['*a*', 'a\n> b', '- a', '1. a', '`a`', '~~a~~', '[a](https://b.c)', '```\na']) {
    t.ok(hasMarks(text), text)
  }
})

t.test('a text of nothing but marks is shown as it is, or has few parts', async (t) => {
  const most = 100_000
  const units = [
    '*',
    '_',
    '[',
    '>',
    '> ',
    '- ',
    '1. ',
    '`',
    '~~',
    '![',
    '[a](',
    '**a *b ',
    '*a **b',
    '- *',
    '_a',
    '\\',
    '@',
    '```\n',
    'http://',
  ]
  for (const unit of units) {
    for (const length of [10_000, most]) {
      const text = unit.repeat(length / unit.length)
      const nodes = JSON.stringify(parse(text, [ada]) ?? []).match(/"type"/g)?.length ?? 0
      t.ok(nodes <= 1_000, `${nodes} parts of ${unit}`)
      if (length === most) t.equal(parse(text, [ada]), undefined, unit)
      hasMarks(text)
    }
  }
  const deep = (open: string, close: string, depth: number) => `${open.repeat(depth)}a${close.repeat(depth)}`
  for (const [open, close] of [
    ['*a ', ' a*'],
    ['> ', ''],
    ['- ', ''],
  ] as const) {
    t.ok(parse(deep(open, close, 5), []), 'a few levels')
    t.equal(parse(deep(open, close, 500), []), undefined, `too deep: ${open}`)
  }
})
