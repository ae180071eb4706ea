import { isUserName } from '@rabble/contract'
import t from 'tap'
import { skeletonsOf } from '../../src/names/skeleton.ts'

/** Whether two names can be mistaken for each other. */
function alike(a: string, b: string): boolean {
  const skeletons = skeletonsOf(a)
  return skeletonsOf(b).some((skeleton) => skeletons.includes(skeleton))
}

t.test('names that look alike are the same name', async (t) => {
  const table: Record<string, string[]> = {
    Ada: [
      'ada',
      'ADA',
      'AdA',
      'Аda', // Cyrillic А
      'Аdа', // Cyrillic А and а
      'Αda', // Greek Alpha
      'Ａｄａ', // fullwidth
      '𝐀𝐝𝐚', // mathematical
      'Ⓐⓓⓐ', // circled
      'A\u034fda', // combining grapheme joiner
      'Ad\ufe0fa', // variation selector
      'Ada\u3164', // Hangul filler
      'A\u115fda', // Hangul choseong filler
      'Ada\u2800', // empty Braille pattern
      'A d a',
      'A\u200ad\u00a0a', // hair space, no-break space
      'ᗅda', // Canadian syllabics
    ],
    'Carmen Burns': ['Carmen Bums', 'Carrnen Burns', 'CarmenBurns', 'ϹARMEN BURNS'],
    Oliver: ['0liver', 'OIiver', 'oliver', 'Оliver', 'O1iver', '٥liver', 'O|iver'],
    ILLI: ['illi', 'lLLl', '1LL1', 'IIII', 'llll', 'ІLLІ'],
    Ian: ['ian', 'Ｉan', 'IAN', 'lAN', '1an', 'Lan'],
    Bill: ['BILL', 'BiIl', 'BiII', 'Bi11', 'Вill'],
    BOB: ['bob', 'ВОВ', 'ΒΟΒ', 'B0B'],
    Νίκος: ['ΝΊΚΟΣ', 'νίκοσ', 'Nίκος'],
    Straße: ['STRASSE', 'strasse'],
    Işıl: ['IŞIL', 'işil'],
    İpek: ['ipek', 'IPEK'],
    Zoë: ['zoe\u0308', 'ZOË', 'ZОË'],
    カー: ['ｶｰ', 'カ一'],
    System: ['system', 'Ѕуѕtеm', 'SYSTEM', 'Ｓystem', 'Sy\u034fstem', 'S y s t e m'],
  }
  for (const [name, others] of Object.entries(table)) {
    for (const other of others) {
      t.ok(alike(name, other), `${name} and ${other}: ${skeletonsOf(name)} / ${skeletonsOf(other)}`)
    }
  }
})

t.test('names of all scripts that differ stay different', async (t) => {
  const names = [
    ...['Ada', 'Adam', 'Ádá', 'Bob', 'Ben', 'Zoë', 'Zoe', 'Nell', 'Ali', 'All', 'José', 'Jose', 'Ann', 'Mia'],
    ...[
      '张三',
      '張三',
      '李四',
      '王五',
      '佐藤',
      'さとう',
      'サトウ',
      'はな',
      'ばな',
      'ぱな',
      '김민준',
      '이서연',
    ],
    ...['Анна', 'Инна', 'Иван', 'Пётр', 'Петр', 'Ольга', 'Νίκος', 'Νίκη', 'Γιώργος', 'Αλέξης'],
    ...[
      'محمد',
      'أحمد',
      'فاطمة',
      'דוד',
      'שרה',
      'राम',
      'सीता',
      'রহিম',
      'สมชาย',
      'Նարե',
      'გიორგი',
      'አበበ',
      '🦊',
      '🐻',
    ],
    ...[
      'user1',
      'user2',
      'user-1',
      'user.1',
      'Mary Ann',
      'Marian',
      "O'Brien",
      'OBrien',
      'x',
      'X²',
      'Łukasz',
      'Lukasz',
    ],
  ]
  for (const [index, name] of names.entries()) {
    t.ok(isUserName(name), name)
    for (const other of names.slice(index + 1)) {
      if (alike(name, other)) t.fail(`${name} and ${other}: ${skeletonsOf(name)} / ${skeletonsOf(other)}`)
    }
  }
})

t.test('a name that can’t be seen has no skeleton', async (t) => {
  for (const name of ['\u3164', '\u2800', '\u115f\u1160', 'ㅤ\ufe0f']) t.strictSame(skeletonsOf(name), [])
})

t.test('a skeleton fits into an index, whatever the name', async (t) => {
  for (const name of ['\ufdfa'.repeat(64), 'm'.repeat(64), '𝔐'.repeat(64)]) {
    for (const skeleton of skeletonsOf(name)) t.ok(Buffer.byteLength(skeleton) < 2000)
  }
  t.notOk(alike('\ufdfa'.repeat(64), '\ufdfa'.repeat(63)))
  t.ok(alike('\ufdfa'.repeat(64), '\ufdfa'.repeat(64)))
})
