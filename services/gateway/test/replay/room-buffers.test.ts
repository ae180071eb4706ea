import type { MessageEvent } from '@rabble/contract'
import { type ByteString, bytesOf, noBytes, partitionOf } from '@rabble/event-log'
import t from 'tap'
import { createRoomBuffers } from '../../src/replay/room-buffers.ts'

let offset = 0

/** Returns an event with its line and its offset. Each event is a batch of its own. */
function event(room: string, id: string, text = 'hi'): [MessageEvent, Buffer, number] {
  const event: MessageEvent = {
    type: 'message',
    room,
    id,
    from: { id: 'ada', name: 'Ada' },
    text,
    at: '2026-11-22T10:00:00.000Z',
    via: 'gateway-1',
  }
  return [event, Buffer.from(JSON.stringify(event)), offset++]
}

function ids(lines: readonly ByteString[] | undefined): string[] | undefined {
  return lines?.map((line) => (JSON.parse(bytesOf(line).toString()) as MessageEvent).id)
}

t.test('what followed an event is known exactly, until the event is dropped', async (t) => {
  const recent = createRoomBuffers({ perRoom: 100, totalBytes: 1e9 })
  const followed: unknown[] = []
  const expected: unknown[] = []
  for (let i = 0; i < 300; i++) {
    recent.add(...event('a', `${i}`))
    followed.push([0, 99, 100].map((back) => recent.after('a', `${i - back}`)?.length))
    expected.push([0, i < 99 ? undefined : 99, undefined])
  }
  t.strictSame(followed, expected)
  t.strictSame(ids(recent.after('a', '295')), ['296', '297', '298', '299'])
  t.equal(recent.after('b', '299'), undefined)
  t.equal(recent.after('a', ''), undefined, 'dropped entries leave no trace that could match')
})

t.test('the text comes back byte for byte', async (t) => {
  const recent = createRoomBuffers({ perRoom: 10, totalBytes: 1e9 })
  const [message, line] = event('a', '1', 'grüße 你好 🎉 \u2028 \\ "')
  recent.add(message, line, 0)
  t.strictSame(bytesOf(recent.newest('a', 1).lines[0] ?? noBytes), line)
})

t.test('newest says whether it is all there is', async (t) => {
  const recent = createRoomBuffers({ perRoom: 3, totalBytes: 1e9 })
  t.strictSame(
    recent.newest('a', 5),
    { lines: [], complete: false },
    'there may be older ones in the history',
  )
  recent.add(...event('a', '1'))
  t.equal(recent.newest('a', 5).complete, false)
  t.equal(recent.newest('a', 1).complete, true, 'as many as were asked for')
  recent.begin(0, -1)
  t.strictSame(
    recent.newest('b', 5),
    { lines: [], complete: true },
    'the log never had a message for this room',
  )
  for (const id of ['1', '2', '3']) recent.add(...event('b', id))
  t.equal(recent.newest('b', 5).complete, true)
  recent.add(...event('b', '4'))
  t.strictSame(ids(recent.newest('b', 5).lines), ['2', '3', '4'])
  t.equal(recent.newest('b', 5).complete, false, 'the oldest was dropped')
})

t.test('memory is bounded over all rooms, and the quietest room goes first', async (t) => {
  const totalBytes = 100_000
  const recent = createRoomBuffers({ perRoom: 1000, totalBytes })
  recent.begin(0, -1)
  let most = 0
  for (let i = 0; i < 5000; i++) {
    recent.add(...event(`room-${i % 500}`, `${i}`))
    recent.add(...event('busy', `busy-${i}`))
    most = Math.max(most, recent.bytes)
  }
  t.ok(most <= totalBytes, `holds up to ${most} bytes`)
  t.ok(recent.newest('busy', 10).lines.length === 10, 'the busy room is still there')
  t.strictSame(
    recent.newest('room-0', 10),
    { lines: [], complete: false },
    'a forgotten room is not an empty one',
  )
})

t.test('what stands behind an offset is known as long as nothing of it was forgotten', async (t) => {
  const recent = createRoomBuffers({ perRoom: 3, totalBytes: 8_000 }, 2)
  const [one, two] = ['one', 'a'].map((room) => ({ room, partition: partitionOf(room, 2) }))
  t.not(one?.partition, two?.partition, 'rooms of two partitions')
  const add = (room: string, id: string, offset: number) => {
    const [message, line] = event(room, id)
    recent.add(message, line, offset)
  }
  const behind = (room: string, offset: number) => recent.behind(room, offset)?.ids
  t.equal(behind('one', 1_000), undefined, 'reading has not begun')
  recent.begin(one?.partition ?? 0, 9)
  recent.begin(two?.partition ?? 0, -1)
  t.strictSame([behind('one', 8), behind('one', 9), behind('a', -1)], [undefined, [], []])
  for (const [n, id] of ['a', 'b', 'c'].entries()) add('one', id, 10 + n)
  t.strictSame(behind('one', 9), ['a', 'b', 'c'])
  t.strictSame([behind('one', 11), behind('one', 12), behind('one', 50)], [['c'], [], []])
  t.equal(recent.after('one', ''), undefined, 'it does not begin with the first')
  t.strictSame(recent.after('a', ''), [])
  add('one', 'd', 13)
  t.strictSame([behind('one', 9), behind('one', 10)], [undefined, ['b', 'c', 'd']])
  recent.begin(one?.partition ?? 0, 20)
  t.strictSame([behind('one', 19), behind('one', 20), behind('a', -1)], [undefined, [], []])
  add('a', 'x', 5)
  for (let n = 0; n < 50; n++) add(`other-${n}`, 'y', 100 + n)
  t.strictSame([behind('a', 4), recent.missing('a') >= 5], [undefined, true], 'it was forgotten')
})

t.test('what may repeat an older event is handed out, but is no place to resume from', async (t) => {
  const recent = createRoomBuffers({ perRoom: 10, totalBytes: 1e9 })
  recent.begin(0, 9)
  recent.add(...event('a', '1'))
  recent.add(...event('a', '2'), true)
  recent.add(...event('a', '3'))
  t.strictSame(ids(recent.newest('a', 5).lines), ['1', '2', '3'])
  t.strictSame(ids(recent.after('a', '1')), ['2', '3'])
  t.equal(recent.after('a', '2'), undefined)
  t.equal(recent.message('a', '2'), undefined, 'the one that is meant may be another one')
  t.match(recent.message('a', '3'), { id: '3' })
})
