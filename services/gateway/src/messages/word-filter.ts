import { type EditEvent, type MessageEvent, RabbleError } from '@rabble/contract'
import type { Metrics } from '../metrics.ts'

export interface WordFilterOptions {
  /** Blocked words: letters and digits only. */
  words: readonly string[]
  action: 'mask' | 'refuse'
}

/**
 * Returns the event as it may be published: the same one, or one with asterisks in place of blocked words.
 * @throws RabbleError `refused`, if that is the operator's choice
 */
export type WordFilter = <Event extends MessageEvent | EditEvent>(event: Event) => Event

/** Words of a text. Each is looked up in a set, so a long list costs a message no more than a short one. */
const words = /[\p{L}\p{M}\p{N}]+/gu

/** Creates the filter of an operator's list. Wide letters, ligatures and the like count as the plain ones. */
export function createWordFilter(
  { words: blocked, action }: WordFilterOptions,
  metrics: Pick<Metrics, 'wordFilter'>,
): WordFilter {
  const list = new Set(blocked.map(plain))

  function mask(word: string): string {
    return list.has(plain(word)) ? '*'.repeat([...word].length) : word
  }

  return (event) => {
    const text = event.text.replace(words, mask)
    if (text === event.text) return event
    metrics.wordFilter.inc({ action })
    if (action === 'refuse')
      throw new RabbleError('refused', 'this message has a word that is not allowed here')
    return { ...event, text }
  }
}

function plain(word: string): string {
  return word.normalize('NFKC').toLowerCase()
}
