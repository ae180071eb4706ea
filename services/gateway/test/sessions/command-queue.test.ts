import t from 'tap'
import { CommandQueue } from '../../src/sessions/command-queue.ts'

t.test('frames are executed in order, one after the other, and reading stops while many wait', async (t) => {
  const done: number[] = []
  const finish: (() => void)[] = []
  const flow: string[] = []
  const queue = new CommandQueue<number>(
    (frame) => {
      done.push(frame)
      return frame % 100 === 0 ? new Promise((resolve) => finish.push(resolve)) : undefined
    },
    { pause: () => flow.push('pause'), resume: () => flow.push('resume') },
  )
  queue.put(1)
  queue.put(2)
  t.strictSame(done, [1, 2], 'what takes no time is done at once')
  queue.put(100)
  for (let i = 101; i <= 210; i++) queue.put(i)
  t.strictSame(done, [1, 2, 100])
  t.strictSame(flow, ['pause'])
  finish.shift()?.()
  await new Promise(setImmediate)
  t.strictSame(done.at(-1), 200, 'up to the next one that takes long')
  finish.shift()?.()
  await new Promise(setImmediate)
  t.strictSame(
    done.slice(2),
    Array.from({ length: 111 }, (_, i) => 100 + i),
  )
  t.strictSame(flow.at(-1), 'resume')
})
