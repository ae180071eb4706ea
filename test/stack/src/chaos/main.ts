import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { end, fail, print, readOptions, stopSignal, wholeNumber } from '../command.ts'
import { bugs } from './bugs.ts'
import { pageOf, type Report, textOf } from './report.ts'
import { runChaos } from './run.ts'

const help = `Runs Rabble while processes and connections fail at random, and checks what everybody was told.

  make chaos
  make chaos ARGS='--seconds 60 --seed 7'

  --seconds N    for which faults happen (600)
  --faults N     that happen, at most; default: as many as the time allows
  --only REGEXP  of the faults that may happen, such as 'kill -9, gateway' or 'rabbitmq'; default: all
  --seed N       of the faults; default: a random one, which is printed
  --lanes N      faults at a time, at most (3)
  --people N     that chat, with the SDK over WebSocket, SSE and polling (24)
  --rate N       actions of each per second (2)
  --page FILE    for a picture of the run; default: dist/chaos/SEED.html
  --bug NAME     puts a known defect into Rabble first, so that the run should find it: ${Object.keys(bugs)
    .map((name) => `\n                   ${name}`)
    .join('')}

Processes: three gateways, two of history and of rooms, RabbitMQ, PostgreSQL and Nginx, on this machine, started for the run. Ends with 0
if nothing acknowledged is missing, nothing was shown twice or in another order, and history, screens, unread counts and lists of members agree.
`

const text = { type: 'string' } as const
const values = readOptions(
  {
    seconds: text,
    faults: text,
    only: text,
    seed: text,
    lanes: text,
    people: text,
    rate: text,
    page: text,
    bug: text,
  },
  help,
)
const bug = values.bug === undefined ? undefined : bugs[values.bug]
if (values.bug !== undefined && bug === undefined)
  fail(`--bug must be one of: ${Object.keys(bugs).join(', ')}`)
const seed = wholeNumber('seed', values.seed ?? String(1 + Math.floor(Math.random() * 999_999)), 999_999_999)
function patternOf(given: string | undefined): RegExp | undefined {
  try {
    return given === undefined ? undefined : new RegExp(given)
  } catch (error) {
    return fail(`--only: ${(error as Error).message}`)
  }
}

const stop = stopSignal()
const began = performance.now()
const say = (line: string) =>
  print(`${String(Math.round((performance.now() - began) / 1_000)).padStart(5)} s  ${line}`)
const teardowns: (() => unknown)[] = []
let report: Report | undefined
let failure: unknown
try {
  const t = {
    name: 'chaos',
    teardown: (work: () => unknown) => teardowns.push(work),
    comment: say,
    passing: () => failure === undefined,
  }
  report = await runChaos(
    t,
    {
      seed,
      seconds: wholeNumber('seconds', values.seconds ?? '600', 86_400),
      lanes: wholeNumber('lanes', values.lanes ?? '3', 10),
      people: wholeNumber('people', values.people ?? '24', 500),
      rate: wholeNumber('rate', values.rate ?? '2', 50),
      count: values.faults === undefined ? undefined : wholeNumber('faults', values.faults, 1_000_000),
      only: patternOf(values.only),
      bug,
    },
    { say, signal: stop },
  )
} catch (error) {
  failure = error
}
for (const work of teardowns.reverse()) await work()
if (report === undefined) {
  print(`seed ${seed}: ${failure instanceof Error ? failure.stack : failure}`)
  end(false)
}
const page =
  values.page ?? join(fileURLToPath(new URL('../../../../../', import.meta.url)), `dist/chaos/${seed}.html`)
mkdirSync(dirname(page), { recursive: true })
writeFileSync(page, pageOf(report))
print(`\n${textOf(report)}\npicture: ${page}`)
end(report.verdict.findings.length === 0)
