import t from 'tap'
import { agoOf } from '../../src/people/last-seen.ts'
import { setLocale } from '../../src/texts/locale.ts'

const now = Date.parse('2026-06-15T12:00:00Z')
const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const ago = (age: number, style: 'long' | 'narrow' = 'long') =>
  agoOf(new Date(now - age).toISOString(), now, style)

t.test('the time since is told in the largest unit that fits', async (t) => {
  for (const [age, words] of [
    [59 * minute, '59 minutes ago'],
    [hour, '1 hour ago'],
    [23.9 * hour, '23 hours ago'],
    [day, 'yesterday'],
    [29 * day, '29 days ago'],
    [30 * day, 'last month'],
    [362 * day, 'last year'],
    [800 * day, '2 years ago'],
  ] as const)
    t.equal(ago(age), words)
  t.equal(ago(2 * hour, 'narrow'), '2h ago')
})

t.test('a moment ago, or a clock that differs, is a minute; what is no time is nothing', async (t) => {
  t.equal(ago(0), '1 minute ago')
  t.equal(ago(-hour), '1 minute ago')
  t.equal(agoOf('soon', now, 'long'), '')
})

t.test('it is told in the language of the page', async (t) => {
  setLocale('de')
  t.teardown(() => setLocale('en'))
  t.equal(ago(2 * hour), 'vor 2 Stunden')
  t.equal(ago(day), 'gestern')
})
