import t from 'tap'
import { de } from '../../src/texts/de.ts'
import { en } from '../../src/texts/en.ts'
import { type Language, languages } from '../../src/texts/language.ts'
import { setLocale } from '../../src/texts/locale.ts'
import { setTexts, type Texts, t as texts } from '../../src/texts/texts.ts'
import { sources } from './source.ts'
import { readIn } from './untranslated.ts'

type Text = string | ((...args: unknown[]) => unknown)

/** Texts that are the same in English. */
const same: Record<Exclude<Language, 'en'>, string[]> = {
  de: [
    'live.gateway',
    'live.gateways',
    'moderation.moderation',
    'people.roles.moderator',
    'people.states.online',
    'search.in',
    'search.inRoom',
    'shell.inSeconds',
    'shortcuts.keys.alt',
    'shortcuts.keys.escape',
    'shortcuts.keys.tab',
  ],
}

/** Returns the texts of a catalogue by their paths. The texts for errors are apart: English has none. */
function textsOf(catalogue: object, path = ''): Map<string, Text> {
  const all = new Map<string, Text>()
  for (const [name, value] of Object.entries(catalogue)) {
    const here = path === '' ? name : `${path}.${name}`
    if (here === 'problems.errors') continue
    if (typeof value === 'object') for (const [key, text] of textsOf(value, here)) all.set(key, text)
    else all.set(here, value)
  }
  return all
}

/** Returns a text with these parameters. */
function shown(text: Text, ...args: unknown[]): string {
  return typeof text === 'string' ? text : [text(...args)].flat().join('')
}

/** Returns the parameters with which a text is tried: numbers stand for names as well. */
function argsOf(path: string, ...numbers: number[]): unknown[] {
  return path === 'conversation.list' ? [numbers.map(String)] : numbers
}

const english = textsOf(en)
const others = new Map<string, Texts>()
for (const [name, { load }] of Object.entries(languages)) if (name !== 'en') others.set(name, await load())

t.test('each language has all texts, with the same parameters', async (t) => {
  t.ok(english.size > 200, `${english.size} texts`)
  t.ok(others.size > 0)
  for (const [language, catalogue] of others) {
    const own = textsOf(catalogue)
    t.same([...own.keys()].sort(), [...english.keys()].sort(), language)
    for (const [path, text] of english) {
      const translated = own.get(path) ?? ''
      const has = (one: Text) =>
        argsOf(path, 5, 7)
          .flat()
          .map((arg) => shown(one, ...argsOf(path, 5, 7)).includes(String(arg)))
      t.same(has(translated), has(text), `${language} ${path}: ${shown(translated, ...argsOf(path, 5, 7))}`)
      t.not(shown(translated, ...argsOf(path, 5, 7)).trim(), '', `${language} ${path}`)
    }
    t.ok(catalogue.problems.errors, `${language} has texts for errors`)
    for (const [code, error] of Object.entries(catalogue.problems.errors ?? {}))
      t.match(error('the reason.'), /^\p{Lu}.*[.!?]$/u, `${language} ${code} is a sentence`)
  }
})

t.test('where English tells one from many, the other languages do', async (t) => {
  const forms = (text: Text) => [1, 2].map((count) => shown(text, count, count).replaceAll(/[12]/g, '#'))
  let plurals = 0
  for (const [path, text] of english) {
    if (typeof text === 'string' || path === 'conversation.list') continue
    const [one, many] = forms(text)
    if (one === many) continue
    plurals++
    for (const [language, catalogue] of others) {
      const [one, many] = forms(textsOf(catalogue).get(path) ?? '')
      t.not(one, many, `${language} ${path}: ${one}`)
    }
  }
  t.ok(plurals >= 8, `${plurals} plurals`)
  t.equal(de.conversation.newMessages(1, '1'), '1 neue Nachricht')
  t.equal(de.conversation.newMessages(120, '99+'), '99+ neue Nachrichten')
})

t.test('nothing in the other languages is left in English', async (t) => {
  for (const [language, catalogue] of others) {
    const own = textsOf(catalogue)
    const left = [...english].filter(([path, text]) => {
      const args = argsOf(path, 5, 7)
      return shown(text, ...args) === shown(own.get(path) ?? '', ...args)
    })
    t.same(
      left.map(([path]) => path),
      same[language as keyof typeof same],
      language,
    )
  }
})

t.test('each text of the catalogue is used', async (t) => {
  const read = new Set(sources().flatMap(readIn))
  const isRead = (path: string) =>
    path.split('.').some((_, index, names) => read.has(names.slice(0, index + 1).join('.')))
  t.same(
    [...english.keys()].filter((path) => !isRead(path)),
    [],
  )
})

t.test('the texts are those of the language that was chosen last, with its numbers', async (t) => {
  t.equal(texts.rooms.seats(1_234, undefined), '1,234 here')
  setTexts(de)
  setLocale('de-AT')
  t.teardown(() => {
    setTexts(en)
    setLocale('en')
  })
  t.equal(texts.common.rooms, 'Räume')
  t.equal(texts.rooms.seats(12_345, undefined), `${new Intl.NumberFormat('de-AT').format(12_345)} hier`)
  t.equal(
    texts.rooms.badCapacity(1_000),
    `Höchstzahl an Personen: von 1 bis ${new Intl.NumberFormat('de-AT').format(1_000)}, oder leer.`,
  )
})
