/** Ends of lines that a page doesn't take for such: CSS knows the line feed alone (CSS Text 3, section 4.1). */
const lineEnds = /\r\n|[\r\v\f\u0085\u2028\u2029]/g
const controls = /(?![\t\n])\p{Cc}/gu
/** Spaces, and what has no look of its own, among them fillers that count as letters, and the empty pattern of Braille. */
const invisible = /^[\p{White_Space}\p{Default_Ignorable_Code_Point}\u2800]*$/u
const segmenter = new Intl.Segmenter()

/** A text as it is shown: each end of a line as one, and control characters as pictures, where browsers would show nothing. */
export function shown(text: string): string {
  return text.replace(lineEnds, '\n').replace(controls, pictureOf)
}

/** Whether nothing of a text can be seen. */
export function isInvisible(text: string): boolean {
  return invisible.test(shown(text))
}

/** The first `most` characters as people see them, and `…` if there are more: no emoji and no letter with marks is cut in two. */
export function beginning(text: string, most: number): string {
  const end = endOf(text, most)
  return end === text.length ? text : `${text.slice(0, end)}…`
}

/** Whether people see more than `most` characters. */
export function isLonger(text: string, most: number): boolean {
  return endOf(text, most) < text.length
}

function endOf(text: string, most: number): number {
  if (text.length <= most) return text.length
  let count = 0
  for (const { index } of segmenter.segment(text)) if (count++ === most) return index
  return text.length
}

/** Unicode has pictures of the first 32 and of DEL, not of the others. */
function pictureOf(control: string): string {
  const code = control.charCodeAt(0)
  if (code < 0x20) return String.fromCharCode(0x2400 + code)
  return code === 0x7f ? '\u2421' : '\ufffd'
}
