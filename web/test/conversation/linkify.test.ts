import { createRandom } from '@rabble/harness'
import t from 'tap'
import { linkify } from '../../src/conversation/linkify.ts'

/** Returns the links in a text, as written. */
function links(text: string): string[] {
  return linkify(text).flatMap(({ text, href }) => (href === undefined ? [] : [text]))
}

t.test('addresses of the web are links, and nothing else is', async (t) => {
  t.same(links('see https://example.org/a?b=c#d and HTTP://EXAMPLE.ORG'), [
    'https://example.org/a?b=c#d',
    'HTTP://EXAMPLE.ORG',
  ])
  for (const text of [
    'javascript:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    'ftp://example.org',
    'www.example.org',
    'mailto:a@example.org',
    'xhttps://example.org',
    'https://',
    'http:///',
    'https:// example.org',
    'java\nscript:https',
    `https://${'no-host.'.repeat(40)}org`,
  ]) {
    t.same(links(text), [], text)
  }
})

t.test('what ends a sentence, a quotation or a bracket is no part of an address', async (t) => {
  t.same(links('Look at https://example.org/a.'), ['https://example.org/a'])
  t.same(links('(https://example.org/a), "https://example.org/b"; <https://example.org/c>'), [
    'https://example.org/a',
    'https://example.org/b',
    'https://example.org/c',
  ])
  t.same(links('https://en.wikipedia.org/wiki/Rabble_(crowd)!'), [
    'https://en.wikipedia.org/wiki/Rabble_(crowd)',
  ])
})

t.test('a text of any length is read at one go', async (t) => {
  // An algorithm that scans all text before each bracket would not finish in time.
  const many = 300_000
  t.same(links(`https://example.org/${')'.repeat(many)}`), ['https://example.org/'])
  t.same(links(`https://example.org/${'('.repeat(many)}${'])'.repeat(many)}.`).length, 1)
  t.same(links(`https://example.org/a${')]}.'.repeat(many)}`), ['https://example.org/a'])
})

t.test('marks that turn the direction of text end an address', async (t) => {
  t.same(links('https://example.org/\u202Egpj.exe'), ['https://example.org/'])
  t.same(links('https://example.org/\u2066a'), ['https://example.org/'])
})

t.test('the pieces of a text are the text', async (t) => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`SEED=${seed}`)
  const random = createRandom(seed)
  const parts = [
    'https://',
    'http://',
    'a.b',
    '/',
    '(',
    ')',
    '.',
    ' ',
    '\n',
    '<',
    '"',
    '\u202E',
    '👩‍👩‍👧',
    'é',
    '%',
    '[',
    ']:',
  ]
  for (let round = 0; round < 2_000; round++) {
    const length = Math.floor(random() * 20)
    const text = Array.from({ length }, () => parts[Math.floor(random() * parts.length)]).join('')
    const pieces = linkify(text)
    t.equal(pieces.map((piece) => piece.text).join(''), text)
    for (const { href } of pieces) if (href !== undefined) t.match(href, /^https?:\/\//)
  }
})
