const mark = 'File: '

/** Returns the TAP comment that stands before the results of a file. */
export function fileComment(compiled: string): string {
  return `${mark}${compiled}`
}

/** Returns the file that a comment of TAP announces. Returns undefined for another comment. */
export function fileOf(comment: string): string | undefined {
  return comment.startsWith(`# ${mark}`) ? comment.slice(mark.length + 2).trimEnd() : undefined
}
