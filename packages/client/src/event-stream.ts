/** Block of an event stream. */
export interface Block {
  /** Type of the event; empty if the block has none. */
  event: string
  /** Values of its `data` lines. */
  data: string[]
  id: string | undefined
}

/**
 * Returns a function that takes an event stream in pieces, which may end anywhere, and calls `take` for each whole block.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 */
export function readBlocks(take: (block: Block) => void): (piece: string) => void {
  let rest = ''
  let wasReturn = false
  let block: Block = { event: '', data: [], id: undefined }
  return (piece) => {
    if (piece === '') return
    // A line feed after a carriage return belongs to the same end of a line.
    const lines = (wasReturn ? piece.replace(/^\n/, '') : piece).split(/\r\n|\r|\n/)
    lines[0] = rest + lines[0]
    wasReturn = piece.endsWith('\r')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? []
      if (field === 'data') block.data.push(value)
      else if (field === 'event' || field === 'id') block[field] = value
      else if (line === '') {
        const whole = block
        block = { event: '', data: [], id: undefined }
        take(whole)
      }
    }
  }
}
