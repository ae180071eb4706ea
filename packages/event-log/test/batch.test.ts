import { createRandom } from '@rabble/harness'
import t from 'tap'
import { decodeBatch, encodeBatch } from '../src/batch.ts'

const a = JSON.stringify({ type: 'example', room: 'général', id: 'a', text: 'ünï \ud83d\ude00' })
const b = JSON.stringify({ type: 'new', room: 'r', id: 'b', text: 'two\nlines', more: [1] })

function decode(batch: Buffer | string) {
  let malformed = 0
  const entries = decodeBatch(Buffer.from(batch), () => malformed++)
  return {
    ids: entries.map(({ event }) => event.id),
    lines: entries.map(({ line }) => line.toString()),
    malformed,
  }
}

t.test('what was encoded is decoded, byte for byte', async (t) => {
  const bytes = Buffer.byteLength(a) + Buffer.byteLength(b) + 2
  const batch = encodeBatch([a, b], bytes)
  t.equal(batch.toString(), `${a}\n${b}\n`)
  t.same(decode(batch), { ids: ['a', 'b'], lines: [a, b], malformed: 0 })
})

t.test('a line is a view of the batch, not a copy', async (t) => {
  const batch = Buffer.from(`${a}\n${b}\n`)
  const [, second] = decodeBatch(batch, () => {})
  t.equal(second?.line.buffer, batch.buffer)
  t.equal(second?.line.byteOffset, batch.byteOffset + Buffer.byteLength(a) + 1)
})

t.test('the last line feed and empty lines do not matter', async (t) => {
  t.same(decode(`\n${a}\n\n\n${b}`), { ids: ['a', 'b'], lines: [a, b], malformed: 0 })
})

t.test('lines that are no event are skipped and counted', async (t) => {
  const garbage = [
    'no json',
    '{',
    '[]',
    '1',
    'null',
    '"text"',
    '{}',
    '{"type":"t","room":"r"}',
    '{"type":"message","room":"r","id":"a message without the rest"}',
    `{"type":"t","room":"r","id":"deep","more":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
    '\ufeff{}',
    '\0',
    ' ',
  ]
  for (const line of garbage)
    t.same(decode(`${line}\n${a}\n`), { ids: ['a'], lines: [a], malformed: 1 }, line.slice(0, 80))
  t.same(decode(''), { ids: [], lines: [], malformed: 1 }, 'an empty message is no batch')
})

t.test('a line that would break what clients read is no event', async (t) => {
  const crlf = decode(`${a}\r\n${b}\n`)
  t.same(
    crlf,
    { ids: ['b'], lines: [b], malformed: 1 },
    'a carriage return ends a line of Server-Sent Events',
  )
  const start = Buffer.from('{"type":"example","room":"r","id":"')
  const latin1 = Buffer.concat([start, Buffer.from([0xe9]), Buffer.from('"}\n'), Buffer.from(a)])
  t.same(decode(latin1), { ids: ['a'], lines: [a], malformed: 1 }, 'a text frame must be UTF-8')
})

t.test('no bytes whatsoever make it throw', async (t) => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`SEED=${seed}`)
  const random = createRandom(seed)
  const below = (bound: number) => Math.floor(random() * bound)
  const source = Buffer.from(`${a}\n${b}\n`)
  let kept = 0
  for (let round = 0; round < 2000; round++) {
    const batch = Buffer.from(source)
    for (let i = 0; i < 3; i++) batch[below(batch.length)] = below(256)
    kept += decode(batch.subarray(below(20))).ids.length
  }
  t.ok(kept > 0 && kept < 4000, `${kept} of 4000 lines were still events`)
})
