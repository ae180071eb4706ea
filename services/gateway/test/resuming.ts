import { type ChatEvent, changed, type MessageEvent } from '@rabble/contract'
import { type ChatClient, checkOrder, connectChat, createRandom, until } from '@rabble/harness'
import type { HistoryClient } from '@rabble/history/client'
import type { Test } from 'tap'
import { build } from './build.ts'
import type { MemoryLog } from './memory-log.ts'

/** A log, and a history that reads it. */
export interface Sources {
  log: MemoryLog
  history: HistoryClient
}

const timeout = 120_000
let last = 0

/** Writes messages to the log, each with a new id. Returns the ids. */
export async function fill({ log }: Pick<Sources, 'log'>, room: string, count: number): Promise<string[]> {
  const rest = { room, from: { id: 'ada', name: 'Ada' }, at: new Date().toISOString(), via: 'worker' }
  const messages = Array.from({ length: count }, (): MessageEvent => {
    const id = `message ${++last}`
    return { type: 'message', id, text: id, ...rest }
  })
  await Promise.all(messages.map((message) => log.publish(message)))
  return messages.map(({ id }) => id)
}

export function ids(room: string, ...clients: ChatClient[]): string[] {
  return clients.flatMap((client) => client.messages(room).map(({ id }) => id))
}

/** Lets a user miss `count` messages, of which `perRoom` are in memory, and come back while more messages come. */
export async function missMany(t: Test, sources: Sources, count: number, perRoom: number): Promise<void> {
  const room = `missed ${count}`
  const recent = { perRoom, totalBytes: 64 * 1024 * 1024 }
  const { ws } = await build(t, { ...sources, recent })
  const reader = await connectChat(t, ws, { name: 'Reader', timeout })
  await reader.join(room)
  const seen = await fill(sources, room, 20)
  await reader.sees(seen.at(-1) ?? '', timeout)
  await reader.close()

  const missed = await fill(sources, room, count)
  const meanwhile: string[] = []
  const writing = (async () => {
    for (let n = 0; n < 10; n++) meanwhile.push(...(await fill(sources, room, count / 50)))
  })()
  const back = await connectChat(t, ws, { name: 'Reader', timeout })
  const joined = await back.join(room, { after: seen.at(-1) ?? '' })
  t.equal(joined.complete, true)
  t.ok(joined.events.length >= count)
  await writing
  await back.sees(meanwhile.at(-1) ?? '', timeout)
  t.strictSame(ids(room, reader, back), [...seen, ...missed, ...meanwhile])
}

export interface Form {
  /** Number of events that are written. */
  events: number
  readers: number
  /** Number of times that each reader comes back. */
  rounds: number
}

/** Lets users leave and come back at random, over two gateways with little memory, while another user goes on writing. */
async function comeAndGo(
  t: Test,
  sources: Sources,
  room: string,
  { events, readers, rounds }: Form,
  write: (writer: ChatClient, random: () => number, n: number) => Promise<void>,
): Promise<{ writer: ChatClient; readers: ChatClient[][] }> {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`SEED=${seed}`)
  const random = createRandom(seed)
  const recent = { perRoom: 20, totalBytes: 64 * 1024 * 1024 }
  const gateways = await Promise.all([0, 1].map(() => build(t, { ...sources, recent })))
  const connect = (name: string) =>
    connectChat(t, gateways[Math.floor(random() * 2)]?.ws ?? '', { name, timeout })
  const writer = await connect('Writer')
  await writer.join(room)
  const { id: first } = await writer.send(room, 'first')
  let begun = 0
  let written = 0
  const writeOn = async () => {
    while (begun < events) {
      await write(writer, random, begun++)
      written++
    }
  }
  const read = async (name: string) => {
    // The times to leave and to come back, as numbers of events written by then.
    const moments = Array.from({ length: 2 * rounds }, () => Math.floor(random() * events)).sort(
      (a, b) => a - b,
    )
    const parts: ChatClient[] = []
    const answers: boolean[] = []
    let seen = first
    for (;;) {
      const client = await connect(name)
      parts.push(client)
      answers.push((await client.join(room, { after: seen })).complete)
      const [leave, comeBack] = moments.splice(0, 2)
      if (leave === undefined || comeBack === undefined) break
      await until(() => written >= leave, timeout, 'the time to leave')
      await client.close()
      seen = client.events(room).at(-1)?.id ?? seen
      await until(() => written >= comeBack, timeout, 'the time to come back')
    }
    t.notOk(answers.includes(false), `${name} was always told all`)
    return parts
  }
  const reading = Promise.all(Array.from({ length: readers }, (_, n) => read(`reader ${n}`)))
  await Promise.all(Array.from({ length: 4 }, writeOn))
  const all = await reading
  const { id: end } = await writer.send(room, 'end')
  for (const client of [writer, ...all.map((parts) => parts.at(-1))]) await client?.sees(end, timeout)
  const late = await connect('Late')
  t.equal((await late.join(room, { after: first })).complete, true)
  return { writer, readers: [...all, [late]] }
}

/** Checks that everybody gets each message once, in the same order. */
export async function comeAndGoForMessages(t: Test, sources: Sources, form: Form): Promise<void> {
  const room = 'messages'
  const { writer, readers } = await comeAndGo(t, sources, room, form, async (writer, _, n) => {
    await writer.send(room, `message ${n}`)
  })
  const [, ...written] = ids(room, writer)
  const streams = readers.map((parts, n) => [`reader ${n}`, ids(room, ...parts)] as const)
  const report = checkOrder({ writer: written, ...Object.fromEntries(streams) }, written)
  t.ok(report.ok, report.text)
}

/** Checks that everybody shows what the writer shows, although messages are edited and deleted. */
export async function comeAndGoForChanges(t: Test, sources: Sources, form: Form): Promise<void> {
  const room = 'changes'
  const said: string[] = []
  const deleted = new Set<string>()
  const refused = new Set<string>()
  const { writer, readers } = await comeAndGo(t, sources, room, form, async (writer, random, n) => {
    const old = said[Math.floor(random() * said.length)]
    if (old === undefined || random() < 0.6 || deleted.has(old)) {
      said.push((await writer.send(room, `message ${n}`)).id)
    } else if (random() < 0.2) await writer.delete(room, old).then(() => deleted.add(old))
    else await writer.edit(room, old, `edit ${n}`).catch(({ code }) => refused.add(code))
  })
  // Another call may have deleted the message just then.
  refused.delete('message-not-found')
  t.strictSame([...refused], [])
  const [first] = ids(room, writer)
  const { [first ?? '']: _, ...expected } = shown(room, writer)
  t.strictSame(
    readers.map((parts) => shown(room, ...parts)),
    readers.map(() => expected),
  )
}

/** Returns the messages as a client shows them after these events. */
function shown(room: string, ...parts: ChatClient[]): Record<string, string> {
  const messages = new Map<string, MessageEvent>()
  for (const event of parts.flatMap((client): readonly ChatEvent[] => client.events(room))) {
    const target = event.type === 'message' ? undefined : messages.get(event.message)
    if (event.type === 'message') messages.set(event.id, event)
    else if (target !== undefined) messages.set(event.message, changed(target, event))
  }
  const state = ({ text, edited, deleted }: MessageEvent) =>
    [text, edited?.at, deleted?.at].filter((part) => part !== undefined).join(' ')
  return Object.fromEntries([...messages].map(([id, message]) => [id, state(message)]))
}
