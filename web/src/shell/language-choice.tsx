import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { choose, chosen, isLanguage, type Language, languages } from '../texts/language.ts'
import { t } from '../texts/texts.ts'

/** Choice of the page's language, for this browser. It changes the page at once. */
export function LanguageChoice(): JSX.Element {
  const failed = useSignal(false)
  const change = async (select: HTMLSelectElement) => {
    failed.value = false
    try {
      await choose(isLanguage(select.value) ? select.value : undefined)
    } catch {
      failed.value = true
    }
  }
  return (
    <div class="menu-setting">
      <label class="choice">
        {t.shell.language}
        <select value={chosen.value ?? ''} onChange={({ currentTarget }) => void change(currentTarget)}>
          <option value="">{t.shell.browserLanguage}</option>
          {(Object.keys(languages) as Language[]).map((each) => (
            <option key={each} value={each} lang={each}>
              {languages[each].name}
            </option>
          ))}
        </select>
      </label>
      <p class="problem small" role="alert">
        {failed.value && t.shell.languageFailed}
      </p>
    </div>
  )
}
