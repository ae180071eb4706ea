const segmenter = new Intl.Segmenter()

/**
 * Characters of a text as people see them: extended grapheme clusters (UAX #29), such as an emoji with its skin tone or a
 * letter with its marks. All positions are in UTF-16 units. Each method reads only the text around the position.
 */
export interface Graphemes {
  /** Returns the beginning of the character that contains the unit at `index`. */
  begin(index: number): number
  /** Returns the end of the character that contains the unit before `index`. */
  end(index: number): number
  /** Returns the position `count` characters after `index`, which is between two characters; at most the end of the text. */
  after(index: number, count: number): number
  /** Returns the position `count` characters before `index`, which is between two characters; at least 0. */
  before(index: number, count: number): number
}

export function graphemesOf(text: string): Graphemes {
  const segments = segmenter.segment(text)
  const begin = (index: number) => segments.containing(index)?.index ?? text.length
  const end = (index: number) => {
    const last = segments.containing(index - 1)
    return last === undefined ? 0 : last.index + last.segment.length
  }
  return {
    begin,
    end,
    after(index, count) {
      let place = index
      for (let n = 0; n < count && place < text.length; n++) place = end(place + 1)
      return place
    },
    before(index, count) {
      let place = index
      for (let n = 0; n < count && place > 0; n++) place = begin(place - 1)
      return place
    },
  }
}
