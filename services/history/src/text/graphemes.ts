const segmenter = new Intl.Segmenter()

/**
 * The characters of a text as people see them: extended grapheme clusters (UAX #29), such as an emoji with its skin tone or a
 * letter with its marks. All places are in UTF-16 units. Each question looks only at what stands around the place.
 */
export interface Graphemes {
  /** The beginning of the character that the unit at `index` is part of. */
  begin(index: number): number
  /** The end of the character that the unit before `index` is part of. */
  end(index: number): number
  /** The place that is so many characters behind `index`, which is between two; at most the end of the text. */
  after(index: number, count: number): number
  /** The place that is so many characters before `index`, which is between two; at least 0. */
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
