import t from 'tap'
import { beginning, isInvisible, isLonger, shown } from '../../src/conversation/shown.ts'

t.test('a line ends wherever Unicode says so', async (t) => {
  t.equal(shown('a\nb\r\nc\rd\u2028e\u2029f\u0085g\vh\fi'), 'a\nb\nc\nd\ne\nf\ng\nh\ni')
  t.equal(shown('a\n\r\nb'), 'a\n\nb')
})

t.test('control characters have pictures, and everything else stays as it is', async (t) => {
  t.equal(shown('\u0007bell \u001b[31mNUL\0 DEL\u007f C1\u0090'), '␇bell ␛[31mNUL␀ DEL␡ C1\ufffd')
  for (const text of ['a\tb', 'می‌خواهم', '👨‍👩‍👧‍👦 ❤️', '\u202Eright to left', 'e\u0301', '\ud800'])
    t.equal(shown(text), text)
})

t.test('a text of which nothing can be seen is known as such', async (t) => {
  const spaces = ['', ' \n\t', '\u00a0\u2003', '\u2028']
  const fillers = ['\u200b\u200d', '\u3164', '\uffa0\u115f', '\u2800', '\ufeff\u2060']
  t.same(
    [...spaces, ...fillers].filter((text) => !isInvisible(text)),
    [],
  )
  t.same(['a', '\u200ba', '\0', '❤️', '\u0301', '\ufdd0', '.', '\u0600'].filter(isInvisible), [])
})

t.test('the beginning of a text ends between two characters that people see', async (t) => {
  t.equal(beginning(`${'a'.repeat(199)}😀 and more`, 200), `${'a'.repeat(199)}😀…`)
  for (const unit of ['👨‍👩‍👧‍👦', '👍🏽', '🇩🇪', 'นี่', 'e\u0301\u0323']) {
    t.equal(beginning(unit.repeat(300), 200), `${unit.repeat(200)}…`)
    t.equal(beginning(unit.repeat(200), 200), unit.repeat(200))
    t.notOk(isLonger(unit.repeat(200), 200))
    t.ok(isLonger(unit.repeat(201), 200))
  }
})
