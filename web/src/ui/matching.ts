/** Returns a text for comparisons: the differences of case, of accents and of similar forms of a letter are gone. */
export function folded(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLocaleLowerCase()
}

/**
 * Returns how well a name fits these letters, which are `folded`: 0 if it begins with them, 1 if a later word does, 2 if they stand
 * elsewhere in it; undefined if they don't.
 */
export function fitOf(name: string, letters: string): 0 | 1 | 2 | undefined {
  const whole = folded(name)
  if (whole.startsWith(letters)) return 0
  let fit: 2 | undefined
  for (let at = whole.indexOf(letters); at !== -1; at = whole.indexOf(letters, at + 1)) {
    if (!/[\p{L}\p{N}]/u.test(whole.charAt(at - 1))) return 1
    fit = 2
  }
  return fit
}
