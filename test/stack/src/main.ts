import { clusterPart } from './cluster-part.ts'
import { end, fail, print, readOptions, stopSignal, wholeNumber } from './command.ts'
import { composePart } from './compose-part.ts'
import { lackOfDocker } from './docker.ts'
import { type Part, runPart } from './part.ts'
import { swarmNodes } from './stack.ts'
import { swarmPart } from './swarm-part.ts'

const help = `Runs the containers for real, under load through Nginx, and kills, scales and updates them meanwhile.

  make test-stack                       all parts, one after the other: 15 minutes
  make test-stack ARGS='--only compose'

  --only PART    compose: docker-compose.yml; rabbitmq-cluster: with three nodes; swarm: stack.yml
  --clients N    that read everything (24)
  --rate N       messages a second that each of them writes (2)
  --in-swarm     deploy to the swarm that the engine is in, if that has one node; without it, the part is left out there

It needs Docker with Compose on this machine. Projects, ports, images, secrets and volumes are its own, and go at the end, also
after Ctrl-C; a running Rabble is not touched. Ends with 0 if no message was missing, repeated or out of order, all came back
by itself, and an update that fails was rolled back.
`

const text = { type: 'string' } as const
const values = readOptions(
  { only: text, clients: text, rate: text, 'in-swarm': { type: 'boolean', default: false } },
  help,
)
const load = {
  clients: wholeNumber('clients', values.clients ?? '24', 500),
  rate: wholeNumber('rate', values.rate ?? '2', 10),
}
const parts = [composePart(load), clusterPart(load), swarmPart(load)]
const names = parts.map(({ name }) => name)
if (values.only !== undefined && !names.includes(values.only))
  fail(`--only must be one of ${names.join(', ')}`)
const lack = await lackOfDocker()
if (lack !== undefined) fail(lack)

const stop = stopSignal()

/** Returns the reason why a part can't run here; undefined if it can. */
async function obstacle({ name }: Part): Promise<string | undefined> {
  if (name !== 'swarm') return undefined
  const nodes = await swarmNodes()
  if (nodes === 0) return undefined
  if (!values['in-swarm']) return 'this engine is in a swarm already (--in-swarm)'
  return nodes === 1 ? undefined : `its images are on one node only, and the swarm has ${nodes}`
}

let ok = true
for (const part of parts) {
  if ((values.only ?? part.name) !== part.name || stop.aborted) continue
  const reason = await obstacle(part)
  if (reason === undefined) ok = (await runPart(part, stop, print)) && ok
  else print(`${part.name}: left out, because ${reason}`)
  // A part requested by --only must run.
  if (reason !== undefined && values.only !== undefined) ok = false
}
end(ok && !stop.aborted)
