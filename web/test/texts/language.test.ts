import t from 'tap'
import { errorText } from '../../src/texts/error-text.ts'
import { languages, wanted } from '../../src/texts/language.ts'
import { setTexts } from '../../src/texts/texts.ts'

t.test(
  'the page has the chosen language, or the first one of the browser that it has, or English',
  async (t) => {
    t.same(wanted(undefined, ['de-AT', 'en']), { language: 'de', locale: 'de-AT' })
    t.same(wanted(undefined, ['fr-CH', 'DE', 'en']), { language: 'de', locale: 'DE' })
    t.same(wanted(undefined, ['fr', 'constructor']), { language: 'en', locale: 'en' })
    t.same(wanted(undefined, []), { language: 'en', locale: 'en' })
    t.same(wanted('en', ['de', 'en-GB']), { language: 'en', locale: 'en-GB' }, 'with the dates of the region')
    t.same(wanted('de', ['en-GB']), { language: 'de', locale: 'de' })
    t.same(
      wanted(undefined, ['en-US@posix']),
      { language: 'en', locale: 'en' },
      'a locale that browsers refuse',
    )
  },
)

t.test('errors have a text of the language for their code, or the message of the server', async (t) => {
  const full = { code: 'room-full', message: 'the room has 5 places' }
  t.equal(errorText(full), 'the room has 5 places', 'in English the server says more')
  setTexts(await languages.de.load())
  t.teardown(async () => setTexts(await languages.en.load()))
  t.equal(errorText(full), 'Der Raum ist voll.')
  t.equal(
    errorText({ code: 'forbidden', reason: 'you are banned' }),
    'Das ist nicht erlaubt (you are banned).',
  )
  t.equal(errorText({ code: 'from-the-future', message: 'too late' }), 'too late')
  t.equal(errorText({ code: 'toString', message: 'no code' }), 'no code')
  t.equal(errorText(new Error('local')), 'local')
  t.equal(errorText(undefined), '')
})
