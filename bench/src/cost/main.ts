import { print, runBench } from '../bench.ts'
import { assertKept, measure } from '../peers/measure.ts'
import { loadOf, shapes } from '../peers/shapes.ts'
import { type System, startBareServer, startRabble } from '../peers/systems.ts'

/**
 * CPU time of all of Rabble for a delivery, divided by that of a bare WebSocket server in the same round: the lowest of 5 rounds
 * on a machine that did nothing else. Lower a figure when a delivery has become cheaper.
 */
const recorded = { big: 3.5, small: 7.5 }
type Shape = keyof typeof recorded

/** Growth that is a failure. */
const mostGrowth = 4 / 3

const positive = /^[1-9]\d{0,2}$/

await runBench({
  name: 'cost',
  help: 'fails if a delivery costs a third more than recorded, in the ratio to a bare WebSocket server of the same round',
  options: {
    rounds: { default: '5', rule: positive, help: 'at most; the first good one of each shape ends it' },
    members: { default: '1000', rule: /^[1-9]\d{0,3}$/, help: 'clients in all' },
    seconds: { default: '3', rule: positive, help: 'to measure for, each' },
    warmup: { default: '2', rule: /^\d{1,2}$/, help: 'seconds of the same load before' },
    growth: { default: mostGrowth.toFixed(2), rule: /^\d+(\.\d+)?$/, help: 'that is allowed' },
  },
  async run(t, values) {
    const times = { seconds: Number(values.seconds), warmup: Number(values.warmup) }
    const rabble = await startRabble(t, { gateways: 1, nginx: false })
    const bare = await startBareServer(t)

    async function costOf(system: System, shape: Shape): Promise<number> {
      const load = loadOf(system, shapes[shape].load(Number(values.members)))
      const result = await measure(t, system, load, times)
      if (system === rabble) assertKept(result)
      return result.microseconds
    }

    /** A disturbance makes a ratio worse, never better. So the best round counts. */
    const best: Partial<Record<Shape, number>> = {}
    const limit = (shape: Shape) => recorded[shape] * Number(values.growth)
    const isGood = (shape: Shape) => (best[shape] ?? Number.POSITIVE_INFINITY) <= limit(shape)
    const open = () => (Object.keys(recorded) as Shape[]).filter((shape) => !isGood(shape))
    for (let round = 1; round <= Number(values.rounds) && open().length > 0; round++) {
      for (const shape of open()) {
        const [cost, bareCost] = [await costOf(rabble, shape), await costOf(bare, shape)]
        const ratio = Math.round((cost / bareCost) * 100) / 100
        best[shape] = Math.min(best[shape] ?? ratio, ratio)
        print(
          `${shape.padEnd(5)} ${cost} µs, bare WebSocket server ${bareCost} µs: ${ratio} times; recorded ${recorded[shape]}`,
        )
      }
    }
    const failed = open()
    if (failed.length > 0) {
      const told = failed.map((shape) => `${shape} ${best[shape]} times, at most ${limit(shape).toFixed(2)}`)
      throw new Error(`a delivery costs too much beside a bare WebSocket server: ${told.join('; ')}`)
    }
    return { recorded, best }
  },
})
