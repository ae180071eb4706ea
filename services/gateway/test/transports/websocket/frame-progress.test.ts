import { createRandom } from '@rabble/harness'
import t from 'tap'
import { FrameProgress } from '../../../src/transports/frame-progress.ts'
import { clientFrame, opcodes } from './client-frame.ts'

const { text, continuation, ping, pong } = opcodes

t.test(
  'whatever a stream of frames is cut into, it is known since when a message is not whole',
  async (t) => {
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
    t.comment(`SEED=${seed}`)
    const random = createRandom(seed)
    const below = (limit: number) => Math.floor(random() * limit)
    const payload = () => Buffer.alloc([0, 1, 125, 126, 300, 66_000][below(6)] ?? 0)
    let wrong: string | undefined
    for (let round = 0; round < 100; round++) {
      const stream: Buffer[] = []
      /** Offsets at which nothing is incomplete: after a whole message, or after a control frame outside of one. */
      const ends: number[] = [0]
      let size = 0
      const add = (frame: Buffer, ending: boolean) => {
        stream.push(frame)
        size += frame.length
        if (ending) ends.push(size)
      }
      for (let n = 0; n < 5; n++) {
        const parts = below(4)
        if (parts === 0) add(clientFrame(below(2) === 0 ? ping : pong, 'x'.repeat(below(126))), true)
        for (let part = 0; part < parts; part++) {
          const fin = part === parts - 1
          add(clientFrame(part === 0 ? text : continuation, payload(), { fin }), fin)
          if (!fin && below(2) === 0) add(clientFrame(ping), false)
        }
      }
      const bytes = Buffer.concat(stream)
      const progress = new FrameProgress()
      /** For each byte, the number of its chunk. */
      const chunks: number[] = []
      for (let at = 0, now = 1; at < bytes.length; now++) {
        const length = 1 + below([10, 1_000, 100_000][below(3)] ?? 1)
        progress.read(bytes.subarray(at, at + length), now)
        at = Math.min(at + length, bytes.length)
        while (chunks.length < at) chunks.push(now)
        const begin = ends.findLast((end) => end <= at) ?? 0
        const expected = begin === at ? undefined : chunks[begin]
        if (progress.unfinishedSince === expected) continue
        wrong = `round ${round}, at ${at}: ${progress.unfinishedSince} and not ${expected}`
      }
    }
    t.equal(wrong, undefined)
  },
)
