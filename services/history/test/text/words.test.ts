import t from 'tap'
import { maxWords, wordsOf } from '../../src/text/words.ts'

const terms = (text: string) => wordsOf(text).map(({ term }) => term)

t.test('words of scripts with spaces are letters and digits, in small letters', async (t) => {
  const cases: [string, string[]][] = [
    ['Good morning, Ada!', ['good', 'morning', 'ada']],
    ["don't snake_case a-b 3.14", ['don', 't', 'snake', 'case', 'a', 'b', '3', '14']],
    ['ÉTÉ Straße ЖЁЛТЫЙ', ['été', 'straße', 'жёлтый']],
    ['e\u0301te\u0301', ['été']],
    ['ＡＢＣ１２３', ['abc123']],
    ['मैं हिन्दी', ['मैं', 'हिन्दी']],
    ['안녕하세요 여러분', ['안녕하세요', '여러분']],
    ['شكرا جزيلا', ['شكرا', 'جزيلا']],
    ['ok 👍🏽 \u2764\ufe0f', ['ok', '👍', '❤']],
    ['🇩🇪🇫🇷 🇪', ['🇩🇪', '🇫🇷', '🇪']],
    ['🏴 🏴󠁧󠁢󠁥󠁮󠁧󠁿 #️⃣ #1', ['🏴', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', '#️⃣', '1']],
    ['', []],
    ['\0\ud800 … !?', []],
  ]
  for (const [text, expected] of cases) t.same(terms(text), expected, JSON.stringify(text))
})

t.test('of scripts without, each two neighbours, and the last character', async (t) => {
  const cases: [string, string[]][] = [
    ['東京都', ['東京', '京都', '都']],
    ['東京、京都。', ['東京', '京', '京都', '都']],
    ['iPhone手机15', ['iphone', '手机', '机', '15']],
    ['コーヒー', ['コー', 'ーヒ', 'ヒー', 'ー']],
    ['ｶﾞｽ', ['ガス', 'ス']],
    ['𠮷野', ['𠮷野', '野']],
    ['ขอบคุณ', ['ขอ', 'อบ', 'บค', 'คุ', 'ุณ', 'ณ']],
    ['字', ['字']],
  ]
  for (const [text, expected] of cases) t.same(terms(text), expected, JSON.stringify(text))
})

t.test('a word says where it is in the text as it was written', async (t) => {
  const text = 'Ein ＷＯＲＴ, ｶﾞｽ 𠮷野'
  for (const { term, start, end, reach, unspaced } of wordsOf(text)) {
    const normal = (part: string) => part.normalize('NFKC').toLowerCase()
    t.equal(normal(text.slice(start, reach)), term)
    if (!unspaced) t.equal(end, reach)
    else t.ok(term.startsWith(normal(text.slice(start, end))))
  }
})

t.test('what is too long for an index is cut', async (t) => {
  t.same(terms('x'.repeat(5_000)), ['x'.repeat(64)])
  t.same(terms(`y${'𐐀'.repeat(5_000)}`), [`y${'𐐨'.repeat(31)}`])
  t.equal(wordsOf('a '.repeat(20_000)).length, maxWords)
  t.equal(wordsOf('字'.repeat(20_000)).length, maxWords)
})
