import t from 'tap'
import type { Check } from '../../src/peers/load.ts'
import { RoomRecord } from '../../src/peers/room.ts'
import { TextReader, textOf } from '../../src/peers/text.ts'

function checked(record: RoomRecord): Check {
  const check: Check = { deliveries: 0, lost: 0, repeated: 0, disordered: 0 }
  record.addTo(check)
  return check
}

t.test('what members have received is compared with what was sent, and with each other', async (t) => {
  const sent: [sender: number, number: number][] = [
    [0, 1],
    [1, 1],
    [0, 2],
  ]
  for (const [what, second, expected] of [
    [
      'all',
      [
        [0, 1],
        [1, 1],
        [0, 2],
      ],
      { lost: 0, repeated: 0, disordered: 0 },
    ],
    [
      'not all',
      [
        [0, 1],
        [1, 1],
      ],
      { lost: 1, repeated: 0, disordered: 1 },
    ],
    [
      'one again',
      [
        [0, 1],
        [1, 1],
        [1, 1],
        [0, 2],
      ],
      { lost: 0, repeated: 1, disordered: 1 },
    ],
    [
      'another order',
      [
        [1, 1],
        [0, 1],
        [0, 2],
      ],
      { lost: 0, repeated: 0, disordered: 1 },
    ],
  ] as [string, [number, number][], object][]) {
    const record = new RoomRecord(2, 2)
    record.sent.set([2, 1])
    for (const [sender, number] of sent) record.received(0, sender, number)
    for (const [sender, number] of second) record.received(1, sender, number)
    t.match(checked(record), expected, what)
    t.equal(record.isComplete, what !== 'not all')
  }
})

t.test('a text is found in a frame wherever it is, and its facts are read', async (t) => {
  const reader = new TextReader()
  for (const head of ['', '{"type":"message","text":"', 'MSG room 1 200\r\n']) {
    for (const [sender, number, due] of [
      [0, 1, 0],
      [15, 123_456, 987_654_321],
    ] as const) {
      const text = textOf(sender, number, due)
      t.equal(text.length, 200)
      const bytes = Buffer.from(`before${head}${text}"}`)
      t.ok(reader.read(bytes, 6, bytes.length))
      t.match(reader, { sender, number, due })
    }
  }
  const other = Buffer.from('{"type":"sent"}')
  t.notOk(reader.read(other, 0, other.length))
})
