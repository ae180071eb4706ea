/** Line ends that a page doesn't treat as such: CSS knows only the line feed (CSS Text 3, section 4.1). */
const lineEnds = /\r\n|[\r\v\f\u0085\u2028\u2029]/g
const controls = /(?![\t\n])\p{Cc}/gu
/** Matches texts of only spaces and invisible characters, such as fillers that count as letters and the empty Braille pattern. */
const invisible = /^[\p{White_Space}\p{Default_Ignorable_Code_Point}\u2800]*$/u
const segmenter = new Intl.Segmenter()

/** Returns a text for display: with line feeds as line ends, and pictures for control characters, which browsers don't show. */
export function shown(text: string): string {
  return text.replace(lineEnds, '\n').replace(controls, pictureOf)
}

/** Whether a text has no visible character. */
export function isInvisible(text: string): boolean {
  return invisible.test(shown(text))
}

/** Returns the first `most` graphemes, and `…` if there are more. No emoji and no letter with marks is split. */
export function beginning(text: string, most: number): string {
  const end = endOf(text, most)
  return end === text.length ? text : `${text.slice(0, end)}…`
}

/** Whether a text has more than `most` graphemes. */
export function isLonger(text: string, most: number): boolean {
  return endOf(text, most) < text.length
}

function endOf(text: string, most: number): number {
  if (text.length <= most) return text.length
  let count = 0
  for (const { index } of segmenter.segment(text)) if (count++ === most) return index
  return text.length
}

/** Returns the picture of a control character. Unicode has pictures only of the first 32 and of DEL. */
function pictureOf(control: string): string {
  const code = control.charCodeAt(0)
  if (code < 0x20) return String.fromCharCode(0x2400 + code)
  return code === 0x7f ? '\u2421' : '\ufffd'
}
