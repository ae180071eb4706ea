import { end, print, readOptions, stopSignal, wholeNumber } from '../command.ts'
import { runPart } from '../part.ts'
import { upgradePart } from './part.ts'

const help = `Updates a running system from the first version to this one, service by service, under load; then back by one, and forward again.

  make test-upgrade
  make test-upgrade ARGS='--from v0.1.0'

  --from COMMIT  version to begin with; default: the first one
  --clients N    that read everything (12)
  --rate N       messages a second that each of them writes (2)

It builds the old versions from the history of this clone, in dist/versions, and runs them as processes with a RabbitMQ and a PostgreSQL
of its own. Ends with 0 if no message was missing, repeated or out of order, and each version showed what the first one had stored.
`

const text = { type: 'string' } as const
const values = readOptions({ from: text, clients: text, rate: text }, help)
const stop = stopSignal()
const part = upgradePart({
  from: values.from,
  clients: wholeNumber('clients', values.clients ?? '12', 500),
  rate: wholeNumber('rate', values.rate ?? '2', 10),
})
end((await runPart(part, stop, print)) && !stop.aborted)
