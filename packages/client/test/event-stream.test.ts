import { createRandom } from '@rabble/harness'
import t from 'tap'
import { type Block, readBlocks } from '../src/event-stream.ts'

/** Reads pieces of bytes, as the SDK reads a response. */
function blocksIn(pieces: readonly Uint8Array[]): Block[] {
  const blocks: Block[] = []
  const read = readBlocks((block) => blocks.push(block))
  const decoder = new TextDecoder()
  for (const piece of pieces) read(decoder.decode(piece, { stream: true }))
  return blocks
}

const blocksOf = (...pieces: string[]) => blocksIn(pieces.map((piece) => new TextEncoder().encode(piece)))

t.test('reads fields, comments and unknown lines as the standard says', async (t) => {
  t.same(blocksOf('event: close\ndata: {}\nid: k.1\n\n'), [{ event: 'close', data: ['{}'], id: 'k.1' }])
  t.same(blocksOf('data:one\ndata:  two: three\ndata\ndata:\n\n')[0]?.data, ['one', ' two: three', '', ''])
  t.same(blocksOf(': alive\nretry: 5\nother\nnothing: here\ndata: x\n\n')[0]?.data, ['x'])
  t.same(blocksOf('\ufeffdata: x\n\n')[0]?.data, ['x'], 'after a byte order mark')
  t.same(blocksOf('data: x\nid: k.2\n', 'data: y'), [], 'what is not whole is no block')
})

t.test('takes each end of a line, also in two pieces', async (t) => {
  for (const end of ['\n', '\r\n', '\r']) {
    t.same(blocksOf(['data: x', 'id: k.1', '', ''].join(end)), [{ event: '', data: ['x'], id: 'k.1' }])
  }
  t.same(blocksOf('data: x\r', '\n\r', '\n', '\n').length, 2, 'an empty line is a block')
  t.same(blocksOf('data: x\r', '', '\ndata: y\r', '\r')[0]?.data, ['x', 'y'])
})

t.test('a long line in many pieces takes no long time', async (t) => {
  const piece = new TextEncoder().encode('x'.repeat(4096))
  const began = performance.now()
  const [head = piece, end = piece] = ['data: ', '\n\n'].map((text) => new TextEncoder().encode(text))
  const [block] = blocksIn([head, ...Array.from({ length: 2048 }, () => piece), end])
  t.equal(block?.data[0]?.length, 2048 * 4096)
  t.ok(performance.now() - began < 3_000, 'each piece is looked through once')
})

t.test('pieces may end anywhere, also within a character', async (t) => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`SEED=${seed}`)
  const random = createRandom(seed)
  const below = (bound: number) => Math.floor(random() * bound)
  const one = <T>(of: readonly T[]): T => of[below(of.length)] as T
  const characters = ['a', ' ', ':', '"', 'é', '€', '😀', '\u2028', '\u0085', '\0', 'data', 'id: ']
  const word = () => Array.from({ length: below(8) }, () => one(characters)).join('')

  for (let round = 0; round < 2_000; round++) {
    const wanted: Block[] = []
    let stream = ''
    for (let count = below(5); count > 0; count--) {
      const block: Block = { event: '', data: [], id: undefined }
      const end = () => one(['\n', '\r\n', '\r'])
      let before = stream
      for (let lines = below(6); lines > 0; lines--) {
        const value = word()
        const field = one(['data', 'event', 'id', '', 'unknown'])
        stream += `${field}: ${value}`
        // A carriage return and a line feed of two lines would be the end of one.
        stream += end()
        if (field === 'data') block.data.push(value)
        else if (field === 'event' || field === 'id') block[field] = value
        before = stream
      }
      stream += before.endsWith('\r') ? one(['\r\n', '\r']) : end()
      wanted.push(block)
    }
    const bytes = new TextEncoder().encode(stream)
    const pieces: Uint8Array[] = []
    for (let start = 0; start < bytes.length; ) {
      const piece = bytes.subarray(start, start + below(9))
      pieces.push(piece)
      start += piece.length
    }
    // Encoded, because odd characters in the result of a test are lost with it.
    const [found, expected] = [blocksIn(pieces), wanted].map((blocks) => encodeURI(JSON.stringify(blocks)))
    if (found === expected) continue
    t.equal(found, expected, `round ${round}`)
    return
  }
  t.pass()
})
