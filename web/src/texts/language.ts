import { batch, signal } from '@preact/signals'
import { loadSetting, saveSetting } from '../state/storage.ts'
import { en } from './en.ts'
import { setLocale } from './locale.ts'
import { setTexts, type Texts } from './texts.ts'

interface Definition {
  /** Its name in itself. */
  name: string
  dir: 'ltr' | 'rtl'
  /** Loads its texts, which only those get who use it. */
  load(): Promise<Texts>
}

/** All languages of the page. To add one, see docs/languages.md. */
export const languages = {
  de: { name: 'Deutsch', dir: 'ltr', load: () => import('./de.ts').then(({ de }) => de) },
  en: { name: 'English', dir: 'ltr', load: async () => en },
} as const satisfies Record<string, Definition>

export type Language = keyof typeof languages

/** The language of the page. */
export const language = signal<Language>('en')
/** The language that the user has chosen in this browser; undefined: that of the browser. */
export const chosen = signal<Language | undefined>(undefined)

/** Name of the setting. */
const setting = 'language'

export function isLanguage(value: unknown): value is Language {
  return typeof value === 'string' && Object.hasOwn(languages, value)
}

/**
 * Returns the language of the page and the locale of its dates: the chosen language, else the first one of those that the browser asks for
 * that the page has, else English. The locale has the region with which the browser asks for that language.
 */
export function wanted(
  choice: Language | undefined,
  asked: readonly string[],
): { language: Language; locale: string } {
  const languageOf = (tag: string) => /^[a-z]+/.exec(tag.toLowerCase())?.[0]
  const language = choice ?? asked.map(languageOf).find(isLanguage) ?? 'en'
  return { language, locale: asked.find((tag) => languageOf(tag) === language && isLocale(tag)) ?? language }
}

/** Whether the browser's own formatters take a locale. Some browsers ask for `en-US@posix`, which they don't take. */
function isLocale(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length > 0
  } catch {
    return false
  }
}

/** Loads the texts of the page's language. Call it before the first drawing. Without an answer of the server the page is in English. */
export async function startLanguage(): Promise<void> {
  const kept = loadSetting(setting)
  chosen.value = isLanguage(kept) ? kept : undefined
  await use(chosen.value).catch(() => {})
}

/** Changes the language of the page, now and for later visits with this browser. @throws Error if its texts can't be loaded */
export async function choose(choice: Language | undefined): Promise<void> {
  if (!(await use(choice))) return
  chosen.value = choice
  saveSetting(setting, choice)
}

/** Counts the changes: the texts that were asked for last are used, even if others arrive after them. */
let changes = 0

/** Resolves with whether nothing else was wanted meanwhile. */
async function use(choice: Language | undefined): Promise<boolean> {
  const mine = ++changes
  const next = wanted(choice, navigator.languages)
  const { dir, load } = languages[next.language]
  const texts = await load()
  if (mine !== changes) return false
  batch(() => {
    setTexts(texts)
    setLocale(next.locale)
    language.value = next.language
  })
  const { documentElement } = document
  documentElement.lang = next.language
  documentElement.dir = dir
  return true
}
