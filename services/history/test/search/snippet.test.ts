import t from 'tap'
import { parseQuery } from '../../src/search/search-query.ts'
import { snippetOf } from '../../src/search/snippet.ts'

/** Returns the snippet with matches in brackets. */
function marked(text: string, q: string): string {
  return snippetOf(text, parseQuery(q))
    .map((part) => (part.match ? `[${part.text}]` : part.text))
    .join('')
}

t.test('what was searched for is marked, in the text as it was written', async (t) => {
  const cases: [text: string, q: string, expected: string][] = [
    ['Good Morning, Ada', 'morning', 'Good [Morning], Ada'],
    ['Good Morning, good Ada', 'ada good', '[Good] Morning, [good] [Ada]'],
    ['morning good, good morning', '"good morning"', 'morning good, [good] [morning]'],
    ['one ones onerous tone', 'one*', '[one] [ones] [onerous] tone'],
    ["I don't do", "don't", "I [don]'[t] do"],
    ['not this but that', 'that -these', 'not this but [that]'],
    ['ÉTÉ e\u0301te\u0301', 'été', '[ÉTÉ] [e\u0301te\u0301]'],
    ['東京都に行く', '京都', '東[京都]に行く'],
    ['東京都に行く', '東京都', '[東京都]に行く'],
    ['東京都に行く', '行', '東京都に[行]く'],
    ['東京都に行く', 'く', '東京都に行[く]'],
    ['๑ ขอบคุณครับ', 'คุณ', '๑ ขอบ[คุณ]ครับ'],
    ['well done 👍🏽', '👍', 'well done [👍🏽]'],
    ['with ❤️', '❤', 'with [❤️]'],
    ['all 👨‍👩‍👧‍👦 here', '👨‍👩‍👧‍👦', 'all [👨‍👩‍👧‍👦] here'],
    ['all 👨‍👩‍👧‍👦 here', '👧', 'all [👨‍👩‍👧‍👦] here'],
    ['🇫🇷🇩🇪🇪🇸', '🇩🇪', '🇫🇷[🇩🇪]🇪🇸'],
    ['press #️⃣ now', '#️⃣', 'press [#️⃣] now'],
    ['ไปที่นี่', 'นี', 'ไปที่[นี่]'],
    ['<b>bold</b> & more', 'bold', '<b>[bold]</b> & more'],
  ]
  for (const [text, q, expected] of cases) t.equal(marked(text, q), expected, `${q} in ${text}`)
})

t.test('of a long text it is the part around the first match, from word to word', async (t) => {
  const long = `${'before '.repeat(100)}needle ${'after '.repeat(100)}`
  const snippet = marked(long, 'needle')
  t.match(snippet, /^…(before ){8}\[needle\]( after){18,}…$/)
  t.match(marked(long, 'before'), /^\[before\] .*…$/)
  t.match(marked(`${long}end`, 'end'), /^…after .*\[end\]$/)
  t.match(marked('x'.repeat(1_000), 'x'.repeat(64)), /^\[x{200}\]…$/)
  t.match(marked(`${'字'.repeat(500)}針${'字'.repeat(500)}`, '針'), /^…字{60}\[針\]字+…$/)
  t.notMatch(marked('𐐀'.repeat(500), '𐐀'.repeat(32)), /[\ud800-\udbff](?![\udc00-\udfff])/)
})

t.test('no character that people see is cut in two, however many it is made of', async (t) => {
  const segmenter = new Intl.Segmenter()
  const texts = [
    '👨‍👩‍👧‍👦',
    '👍🏽',
    '🇩🇪',
    '❤️‍🔥',
    'ที่นี่',
    'กำ',
    'नमस्ते',
    'e\u0301\u0323',
    '𐐀',
    '字',
    '\u1100\u1161\u11a8',
  ].map((unit) => {
    const run = unit.repeat(300)
    return `${run} needle ${run} ${unit}needle${unit}`
  })
  for (const text of texts) {
    const all = [...segmenter.segment(text)]
    const places = new Set([...all.map(({ index }) => index), text.length])
    for (const q of ['needle', 'needle*', text.slice(0, all[1]?.index)]) {
      const parts = snippetOf(text, parseQuery(q)).map((part) => part.text)
      const shown = parts.join('').replace(/^…|…$/g, '')
      let place = text.indexOf(shown)
      for (const part of parts.filter((part) => part !== '…')) {
        t.ok(places.has(place), `${JSON.stringify(part.slice(0, 20))} for ${q}`)
        place += part.replace(/^…|…$/g, '').length
      }
      t.ok(places.has(place), `the end for ${q}`)
      t.ok([...segmenter.segment(shown)].length <= 200, 'about 200 of them are shown')
    }
  }
})

t.test('a query without words, or with too many, is refused', async (t) => {
  for (const q of ['', ' ', '!?', '-word', '""', '*', '- "-"']) {
    t.throws(() => parseQuery(q), { code: 'bad-frame', message: /a word to search for/ }, q)
  }
  t.throws(() => parseQuery('a '.repeat(17)), { code: 'bad-frame', message: /more than 16 words/ })
  t.throws(() => parseQuery('字'.repeat(34)), { code: 'bad-frame', message: /more than 16 words/ })
})
