import type { ComponentChildren } from 'preact'
import { formatNumber } from '../ui/intl.ts'

/** Part of a sentence that is not a text: an element, such as a name in bold. */
export type Part = ComponentChildren

/**
 * Returns a sentence with elements in it: phrase`You are not in ${room}.` A catalogue has the whole sentence, so each language puts the
 * elements where they belong.
 */
export function phrase(texts: TemplateStringsArray, ...parts: Part[]): Part[] {
  return texts.flatMap((text, index) => (index === 0 ? [text] : [parts[index - 1], text]))
}

/** Forms of a text for the numbers of a language, with `#` in place of the number. Only literals: a name could have a `#`. */
type Forms = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string }

/** Returns a function that chooses the form for a number by the rules of a language. `shown` is the number for people. */
export function pluralsOf(language: string): (count: number, forms: Forms, shown?: string) => string {
  const rules = new Intl.PluralRules(language)
  return (count, forms, shown = formatNumber(count)) =>
    (forms[rules.select(count)] ?? forms.other).replaceAll('#', shown)
}
