import { Type } from '@rabble/contract/typebox'

/** Maximum number of blocked words. Gateways have all of them in memory. */
const mostWords = 5_000

/** Returns the words of a list, separated by commas or white space. */
export function parseWords(list: string): string[] {
  return list.split(/[\s,]+/).filter((word) => word !== '')
}

/** Returns the rule that a list of words breaks, or undefined. */
function brokenByWords(list: string): string | undefined {
  const words = parseWords(list)
  if (words.length > mostWords) return `must have no more than ${mostWords} words`
  // The word itself is not told: the list may be secret.
  const index = words.findIndex((word) => !/^[\p{L}\p{M}\p{N}]{1,64}$/u.test(word))
  if (index !== -1) return `must be words of 1 to 64 letters and digits, which number ${index + 1} is not`
  return undefined
}

/** Settings of the words that gateways let no user write. */
export const wordFilterSettings = {
  RABBLE_BLOCKED_WORDS: {
    schema: Type.String(),
    broken: brokenByWords,
    about: `Words that users can't write in messages, also direct ones: up to ${mostWords}, separated by commas or white space; whole words, in upper or lower case. Programs with the role \`service\` can. Default: none.`,
  },
  RABBLE_BLOCKED_WORDS_ACTION: {
    schema: Type.Enum(['mask', 'refuse']),
    default: 'mask',
    about:
      'Fate of a message with such a word. `mask`: asterisks take its place; `refuse`: the sender gets the error `refused`.',
  },
} as const
