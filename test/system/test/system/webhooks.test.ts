import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { ChatEvent } from '@rabble/contract'
import {
  assertNothingLeft,
  connectChat,
  freePort,
  inForm,
  type ManagedProcess,
  noRateLimits,
  privateFolder,
  type Service,
  startCluster,
  startProcess,
  until,
} from '@rabble/harness'
import t, { type Test } from 'tap'
import { repository } from '../repository.ts'

assertNothingLeft(t)

const secret = `whsec_${randomBytes(32).toString('base64')}`
const timeout = 120_000

interface ExampleReceiver extends ManagedProcess {
  readonly env: Record<string, string>
  /** Returns the events that it has written, each where it stands first: after its death it knows no ids. */
  events(): ChatEvent[]
}

/** Runs the example of a receiver, as its page says. */
async function startExample(t: Test): Promise<ExampleReceiver> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}/`
  const output = join(privateFolder(t, 'receiver'), 'events.ndjson')
  const receiver = await startProcess(t, {
    name: 'webhook.mjs',
    command: '/bin/sh',
    args: ['-c', `exec ${process.execPath} examples/node/webhook.mjs >> ${output}`],
    env: { RABBLE_WEBHOOK_SECRET: secret, PORT: String(port) },
    cwd: repository,
    // It refuses a request without a signature.
    isReady: async () => (await fetch(url, { method: 'POST', body: '{}' })).status === 401,
  })
  return Object.assign(receiver, {
    env: { RABBLE_WEBHOOK_URL: url, RABBLE_WEBHOOK_SECRET: secret },
    events() {
      // A line that is being written has no end yet.
      const lines = existsSync(output) ? readFileSync(output, 'utf8').split('\n').slice(0, -1) : []
      const events = lines.map((line): ChatEvent => JSON.parse(line))
      return [...new Map(events.reverse().map((event) => [event.id, event])).values()].reverse()
    },
  })
}

/** Returns the value of a metric at a service; of a counter with labels their sum. */
async function metricOf({ url }: Service, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return [...text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (.*)$`, 'gm'))].reduce(
    (sum, [, value]) => sum + Number(value),
    0,
  )
}

/** Waits until a history has failed to send, and returns it. */
async function failingSender(histories: readonly Service[]): Promise<Service> {
  let found: Service | undefined
  const look = async () => {
    for (const history of histories) {
      const leads = await metricOf(history, 'rabble_history_leader')
      if (leads === 1 && (await metricOf(history, 'rabble_history_webhook_failures_total')) > 0)
        found = history
    }
    return found !== undefined
  }
  await until(look, timeout, 'history to notice the loss of the receiver')
  if (found === undefined) throw new Error('unreachable')
  return found
}

t.test('a receiver gets all in order, although it and the history that sends to it are killed', async (t) => {
  const receiver = await startExample(t)
  const { gateways, histories } = await startCluster(t, {
    gateways: 1,
    histories: 2,
    rooms: 0,
    nginx: false,
    env: { ...noRateLimits, ...receiver.env, RABBLE_WEBHOOK_START: 'oldest' },
  })
  const ada = await connectChat(t, gateways[0]?.url ?? '', { name: 'Ada', timeout })
  await ada.join('general')
  const sent: string[] = []
  const send = async (count: number) => {
    for (let n = 0; n < count; n++) sent.push((await ada.send('general', `message ${sent.length}`)).id)
  }
  const received = (count: number) =>
    until(() => receiver.events().length >= count, timeout, `${count} events at the receiver`)
  const few = inForm(100, 5_000)
  await send(few)
  await received(few)

  let isOver = false
  const flow = (async () => {
    while (!isOver) await send(10)
  })()
  for (let round = 0; round < inForm(1, 5); round++) {
    await receiver.kill()
    const sender = await failingSender(histories)
    // The long form takes as long as the restart of a machine. Real time: attempts become rare meanwhile.
    if (round === 0) await delay(inForm(0, 60_000))
    await sender.kill()
    await receiver.restart()
    const before = sent.length
    await received(before)
    // The other one has taken over.
    if (inForm(false, true)) await sender.restart()
  }
  isOver = true
  await flow
  const edit = await ada.edit('general', sent.at(-1) ?? '', 'an edit')
  const bob = await connectChat(t, gateways[0]?.url ?? '', { name: 'Bob', timeout })
  const direct = await ada.sendTo(bob.user?.id ?? '', 'between us')
  await send(1)
  await received(sent.length + 1)
  const ids = receiver.events().map(({ id }) => id)
  t.same(ids, [...sent.slice(0, -1), edit.id, ...sent.slice(-1)])
  t.notOk(ids.includes(direct.id), 'direct messages were not asked for')
  t.comment(`${ids.length} events`)
  for (const history of histories) t.notMatch(history.logs(), /whsec_|message \d|an edit/)
})
