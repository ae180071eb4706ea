import t from 'tap'
import { compareNames, formatNumber } from '../../src/ui/intl.ts'
import { fitOf, folded } from '../../src/ui/matching.ts'

t.test('names are found without regard to case, accents and widths', async (t) => {
  for (const [name, letters] of [
    ['Élodie', 'elo'],
    ['ÅNGSTRÖM', 'angstrom'],
    ['Ａｄａ', 'ada'],
    ['Ада', 'АДА'],
  ] as const) {
    t.equal(fitOf(name, folded(letters)), 0, name)
  }
  t.equal(fitOf('Ada', 'b'), undefined)
})

t.test('a name that begins with the letters fits best, then one with a word that does', async (t) => {
  t.equal(fitOf('tea room', 'tea'), 0)
  t.equal(fitOf('the tea room', 'tea r'), 1)
  t.equal(fitOf('dev-team', 'team'), 1)
  t.equal(fitOf('instead', 'tea'), 2)
  t.equal(fitOf('steam of tea', 'tea'), 1, 'the best place counts')
  t.equal(fitOf('any', ''), 0)
})

t.test('numbers in names count as numbers, and large ones get separators', async (t) => {
  const names = ['room 10', 'Room 9', 'äpfel', 'zoo']
  t.same(names.sort(compareNames), ['äpfel', 'Room 9', 'room 10', 'zoo'])
  t.equal(formatNumber(1_234_567), new Intl.NumberFormat().format(1_234_567))
})
