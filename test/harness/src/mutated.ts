/** Placeholders for arrays of this depth, replaced in the JSON text: JSON.stringify can't write the arrays themselves. */
const deep = ['<100>', '<20000>']

/** Values that are wrong in most places, or everywhere. */
const odd: readonly unknown[] = [
  ...[
    null,
    true,
    0,
    -1,
    1.5,
    1e308,
    2 ** 53,
    [],
    {},
    [[]],
    { id: '', name: '' },
    { id: 'ada', name: { a: [] } },
  ],
  ...[
    '',
    ' ',
    '\0',
    '\ud800',
    '\u2028',
    '\u3164',
    '__proto__',
    'system',
    '*',
    '.',
    '..',
    'a/b',
    'user:ada',
    'dm:a:b',
  ],
  ...[
    'the day before yesterday',
    '+012026-01-01T00:00:00.000Z',
    '9999-12-31T23:59:59.999Z',
    'x'.repeat(5_000),
  ],
  ...deep,
]
const keys = ['__proto__', 'constructor', 'toJSON', 'type', 'id', 'from', 'at', 'meta', 'edited', 'more']
const bytes = [0x00, 0x0a, 0x0d, 0x22, 0x2c, 0x5c, 0x7b, 0x7d, 0x80, 0xff]

/**
 * Returns damaged or forged JSON. In half of the texts up to three values are replaced, added or removed, in the others up to
 * three pieces of bytes. Some texts stay as they are.
 */
export function mutated(json: string, random: () => number): Buffer {
  const times = Math.floor(random() * 4)
  return random() < 0.5 ? mutatedValues(json, times, random) : mutatedBytes(Buffer.from(json), times, random)
}

function mutatedValues(json: string, times: number, random: () => number): Buffer {
  const root: unknown = JSON.parse(json)
  for (let n = 0; n < times; n++) {
    let place = root as Record<string, unknown>
    for (;;) {
      const inner = pick(Object.values(place), random)
      if (typeof inner !== 'object' || inner === null || random() < 0.5) break
      place = inner as Record<string, unknown>
    }
    const own = Object.keys(place)
    const key = random() < 0.8 && own.length > 0 ? pick(own, random) : pick(keys, random)
    // A copy, since the next value may be put into it.
    const value = random() < 0.1 ? undefined : structuredClone(pick(odd, random))
    Object.defineProperty(place, key ?? '', { value, enumerable: true, configurable: true, writable: true })
  }
  const text = JSON.stringify(root)
  return Buffer.from(text.replaceAll(/"<(\d+)>"/g, (_, depth) => '['.repeat(+depth) + ']'.repeat(+depth)))
}

function mutatedBytes(text: Buffer, times: number, random: () => number): Buffer {
  let result = text
  for (let n = 0; n < times; n++) {
    const at = Math.floor(random() * (result.length + 1))
    const end = at + Math.floor(random() ** 4 * (result.length - at))
    const put = [Buffer.of(pick(bytes, random) ?? 0), result.subarray(at, end), Buffer.alloc(0)]
    // Inserts or replaces a byte, repeats a piece, or removes one.
    const middle = pick(put, random) ?? result
    const rest = random() < 0.5 ? result.subarray(at) : result.subarray(end)
    result = Buffer.concat([result.subarray(0, at), middle, rest])
  }
  return result
}

function pick<Item>(items: readonly Item[], random: () => number): Item | undefined {
  return items[Math.floor(random() * items.length)]
}
