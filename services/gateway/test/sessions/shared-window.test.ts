import t from 'tap'
import { SharedWindow } from '../../src/sessions/shared-window.ts'

t.test('a window keeps the end of a burst of events in memory, and not all of it', async (t) => {
  const window = new SharedWindow()
  const burst = Array.from({ length: 8 }, (_, n) => Buffer.alloc(50_000, `${n}`))
  window.add(burst)
  t.same(window.bytes, burst.at(-1)?.subarray(-4096))
  t.ok(window.bytes.buffer.byteLength < 20_000, `${window.bytes.buffer.byteLength} bytes`)
  window.add([Buffer.from('more')])
  t.same(window.bytes, Buffer.concat([Buffer.alloc(4092, '7'), Buffer.from('more')]))
})
