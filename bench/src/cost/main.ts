import { print, runBench } from '../bench.ts'
import { assertKept, measure } from '../peers/measure.ts'
import { loadOf, shapes } from '../peers/shapes.ts'
import { type System, startBareServer, startRabble } from '../peers/systems.ts'

/**
 * CPU time of all of Rabble for a delivery, divided by that of a bare WebSocket server in the same round. Rounds on a machine that
 * did nothing else gave 1.21 to 2.29 and 5.13 to 8.5. Lower a figure when a delivery has become cheaper. `small` was 5 before unread
 * counts, whose price docs/decisions/0036-conversations-are-counted-by-ordinals.md tells.
 */
const recorded = { big: 1.85, small: 5.5 }
type Shape = keyof typeof recorded

/** Growth that is a failure. */
const mostGrowth = 4 / 3
/** Part of a core that other processes may take. Rabble delivers fewer messages in one write where they take more. */
const mostDisturbance = 0.25

const positive = /^[1-9]\d{0,2}$/
const decimal = /^\d+(\.\d+)?$/

await runBench({
  name: 'cost',
  help: 'fails if a delivery costs a third more than recorded, in the ratio to a bare WebSocket server of the same round',
  options: {
    rounds: { default: '5', rule: positive, help: 'at most; the first good one of each shape ends it' },
    members: { default: '1000', rule: /^[1-9]\d{0,3}$/, help: 'clients in all' },
    seconds: { default: '3', rule: positive, help: 'to measure for, each' },
    warmup: { default: '2', rule: /^\d{1,2}$/, help: 'seconds of the same load before' },
    growth: { default: mostGrowth.toFixed(2), rule: decimal, help: 'that is allowed' },
    others: {
      default: String(mostDisturbance),
      rule: decimal,
      help: 'cores that other processes may take; a round with more does not fail',
    },
  },
  async run(t, values) {
    const times = { seconds: Number(values.seconds), warmup: Number(values.warmup) }
    const rabble = await startRabble(t, { gateways: 1, nginx: false })
    const bare = await startBareServer(t)

    async function resultOf(system: System, shape: Shape) {
      const result = await measure(
        t,
        system,
        loadOf(system, shapes[shape].load(Number(values.members))),
        times,
      )
      if (system === rabble) assertKept(result)
      return result
    }

    const limit = (shape: Shape) => recorded[shape] * Number(values.growth)
    /** The best ratio of each shape. A disturbance makes a ratio worse, hardly ever better. */
    const best: Partial<Record<Shape, number>> = {}
    const undisturbed = new Set<Shape>()
    const open = () =>
      (Object.keys(recorded) as Shape[]).filter(
        (shape) => (best[shape] ?? Number.POSITIVE_INFINITY) > limit(shape),
      )
    for (let round = 1; round <= Number(values.rounds); round++) {
      for (const shape of open()) {
        const [own, others] = [await resultOf(rabble, shape), await resultOf(bare, shape)]
        const ratio = Math.round((own.microseconds / others.microseconds) * 100) / 100
        const disturbance = Math.max(own.otherCores, others.otherCores)
        best[shape] = Math.min(best[shape] ?? ratio, ratio)
        if (disturbance <= Number(values.others)) undisturbed.add(shape)
        print(
          `${shape.padEnd(5)} ${own.microseconds} µs, ${ratio} times the ${others.microseconds} µs of a bare WebSocket server;` +
            ` recorded ${recorded[shape]} times; other processes took ${disturbance} cores`,
        )
      }
    }
    const tooMuch = open().map((shape) => ({
      shape,
      told: `${shape} ${best[shape]} times, at most ${limit(shape).toFixed(2)}`,
    }))
    const failed = tooMuch.filter(({ shape }) => undisturbed.has(shape)).map(({ told }) => told)
    if (failed.length > 0) {
      throw new Error(`a delivery costs too much beside a bare WebSocket server: ${failed.join('; ')}`)
    }
    for (const { told } of tooMuch) print(`not told, since other processes disturbed each round: ${told}`)
    return { recorded, best }
  },
})
